import { jsonBinarizer } from '../../binarizer/json-binarizer.js'
import type { EvtLog } from '../../log/evt-log.js'
import type { Delivery, HandlerContext, ProjectedEvt } from '../../projection/delivery.js'

/** An event of a scenario: the entity's n-th. */
export interface Noted {
  readonly type: 'Noted'
  readonly n: number
}

export const notedBinarizer = jsonBinarizer<Noted, unknown>({ evts: { Noted: [] } })

/** What must be awaited before an event is applied: it may throw, or hang. */
export type BeforeApplying = (evt: ProjectedEvt<Noted>, context: HandlerContext) => Promise<void>

/** What a process of a scenario runs on. */
export interface ProjectionParts {
  readonly evtLog: EvtLog
  /**
   * A delivery to a handler that first awaits `before`, and then applies the event to the read model: adds its id and seqNo at the end. Its store's
   * leases have a `ttlMs` of some 500.
   */
  deliver(before: BeforeApplying): Delivery<Noted>
}

/** An event as the read model holds it. */
export interface Applied {
  readonly id: string
  readonly seqNo: number
}

/** A backend to run projections on. */
export interface ProjectionSubject {
  /** Whether the read model must hold each event exactly once; at least once otherwise. */
  readonly exactlyOnce: boolean
  /** Opens a log and what delivers, as each process does for itself, over the same data. */
  open(): Promise<ProjectionParts>
  /** What the read model holds, in the order in which it was applied. */
  applied(): Promise<readonly Applied[]>
  /** Closes all that was opened, and lets go of everything that was needed for it. */
  close(): Promise<void>
}
