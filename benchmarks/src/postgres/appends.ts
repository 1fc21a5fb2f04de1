import { randomUUID } from 'node:crypto'
import { type Append, appendIds, type EntityKey, type EvtLog, type Head, type NewEvt } from 'eventsourced'
import type { Contender } from '../measure.js'

export const ENTITIES = 1_000
/** What an event says: for the peers, which take objects; and encoded, for the log, 60 bytes of JSON. */
export const DATA = { oldValue: '12345678901234567', inc: '123456789', by: 'teller' }
export const PAYLOAD = Buffer.from(JSON.stringify(DATA))
const GROUPS: NewEvt[][] = [[{ type: 'Increased', version: 1, bytes: PAYLOAD, metadata: {} }]]

/** An instance, as the runtime's are: literals may come to be made outside of the young generation, where they keep alive what they refer to. */
class EvtAppend implements Append {
  readonly groups = GROUPS
  readonly key: EntityKey
  readonly expected: Head
  readonly appendId: string

  constructor(key: EntityKey, expected: Head, appendId: string) {
    this.key = key
    this.expected = expected
    this.appendId = appendId
  }
}

/** An entity that appends an event at a time. */
export interface Appender {
  readonly key: EntityKey
  /** Its next append, as if the last one were stored at that head. */
  readonly next: (expected: Head) => Append
  /** Has it stored; one at a time. */
  readonly append: () => Promise<void>
}

/** Makes an entity; it begins at `head`, with nothing stored unless given. */
export function appender(evtLog?: EvtLog, id: string = randomUUID(), head: Head = { seqNo: 0, position: 0 }): Appender {
  const key = { typeName: 'counter', id }
  const nextAppendId = appendIds()
  const next = (expected: Head): Append => new EvtAppend(key, expected, nextAppendId())
  let expected = head
  const append = async (): Promise<void> => {
    if (evtLog === undefined) throw new Error('an appender without a log only makes appends')
    expected = (await evtLog.persist(next(expected))).head
  }
  return { key, next, append }
}

/** Runs `append` of each that many times, one in flight each, and answers how often in all. */
export async function appendAll(appends: readonly (() => Promise<unknown>)[], times: number): Promise<number> {
  await Promise.all(
    appends.map(async (append) => {
      for (let n = 0; n < times; n++) await append()
    }),
  )
  return appends.length * times
}

/** `EvtLog.persist` for new entities, one append in flight each. */
export function persisting(evtLog: EvtLog, times: number, entities = ENTITIES): Contender {
  return {
    name: 'EvtLog.persist',
    run: () =>
      appendAll(
        Array.from({ length: entities }, () => appender(evtLog).append),
        times,
      ),
  }
}
