import { randomUUID } from 'node:crypto'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { MemoryLeaseStore } from '../lease/memory-lease-store.js'
import { appendIds } from '../log/append-id.js'
import { entityKey } from '../log/entity-key.js'
import type { EvtLog, NewEvt } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { atLeastOnce } from './at-least-once.js'
import type { HandlerContext, ProjectedEvt } from './delivery.js'
import { MemoryOffsetStore } from './memory-offset-store.js'
import { type OnError, retry } from './on-error.js'
import type { ProjectionOptions } from './options.js'
import { Projection, type RunningProjection } from './projection.js'
import type { Stored } from './reached.js'

/** An event of the tests: the entity's n-th. */
export interface Noted {
  readonly type: 'Noted'
  readonly n: number
}

export const TYPE = 'note'
export const binarizer = jsonBinarizer<Noted, unknown>({ evts: { Noted: [] } })
const nextAppendId = appendIds()

export function newId(slice?: number): string {
  for (;;) {
    const id = randomUUID()
    if (slice === undefined || sliceOf(id) === slice) return id
  }
}

/** Appends an entity's next events, one append each. @returns the last one */
export async function note(evtLog: EvtLog, id: string, count = 1, over: Partial<NewEvt> = {}): Promise<Stored> {
  const key = entityKey(TYPE, id)
  let { seqNo, position } = await evtLog.head(key)
  for (let time = 0; time < count; time++) {
    const evt = { ...binarizer.encodeEvt({ type: 'Noted', n: seqNo + 1 }), metadata: {}, ...over }
    const expected = { seqNo, position }
    const persisted = await evtLog.persist({ key, expected, appendId: nextAppendId(), groups: [[evt]] })
    ;({ seqNo, position } = persisted.head)
  }
  return { key, position }
}

/** What handlers have seen: by id, the numbers in order. */
export class Seen {
  readonly byId = new Map<string, number[]>()
  count = 0

  add({ evt, key }: ProjectedEvt<Noted>): void {
    const numbers = this.byId.get(key.id) ?? []
    numbers.push(evt.n)
    this.byId.set(key.id, numbers)
    this.count += 1
  }

  of(id: string): readonly number[] {
    return this.byId.get(id) ?? []
  }
}

type Handler = (evt: ProjectedEvt<Noted>, context: HandlerContext) => unknown

/** A log, a store, and projections on them that are stopped in the end. */
export class Bench {
  readonly evtLog: MemoryEvtLog = new MemoryEvtLog()
  readonly store: MemoryOffsetStore
  readonly seen = new Seen()
  readonly #running: RunningProjection[] = []

  constructor(ttlMs = 500) {
    this.store = new MemoryOffsetStore({ leases: new MemoryLeaseStore({ ttlMs }) })
  }

  async start(over: Partial<ProjectionOptions<Noted>> & { handle?: Handler } = {}): Promise<RunningProjection> {
    const { handle = (evt: ProjectedEvt<Noted>) => this.seen.add(evt), ...options } = over
    const running = await Projection.start<Noted>({
      name: 'notes',
      typeName: TYPE,
      evtLog: this.evtLog,
      binarizer,
      handler: atLeastOnce(this.store, handle),
      ...options,
    })
    this.#running.push(running)
    return running
  }

  note(id: string, count = 1): Promise<Stored> {
    return note(this.evtLog, id, count)
  }

  async end(): Promise<void> {
    for (const running of this.#running) await running.stop()
  }
}

const quick = { min: 1, max: 2 }

/** Quick retries, and then that. */
export function after(attempts: number, then: 'stop' | 'skip' | 'park'): OnError {
  // oxlint-disable-next-line unicorn/no-thenable -- a word, which nobody takes for a function
  return retry({ ...quick, attempts, then })
}
