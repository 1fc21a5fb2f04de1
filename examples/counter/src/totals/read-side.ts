import type { EvtLog } from 'eventsourced'
import type { Logger } from 'pino'

/** A counter that has answered: how many events it has had at least, and what they made of it. */
export interface Answered {
  readonly id: string
  readonly seqNo: number
  readonly value: bigint
}

/** What is kept of the counters' events, by a projection that runs beside them. */
export interface ReadSide {
  /**
   * Waits until all that is stored is in it, compares it with what the counters have answered, and tells what it says, in lines for the report.
   *
   * @throws if it is wrong
   */
  summary(counters: readonly Answered[]): Promise<readonly string[]>
  stop(): Promise<void>
}

/** What a read side works with. */
export interface ReadSideOptions {
  readonly evtLog: EvtLog
  readonly logger: Logger
}

/** How long a run waits for its projection in the end: slices of a run that was killed are free after some seconds. */
export const PATIENCE_MS = 120_000
