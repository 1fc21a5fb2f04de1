import { randomUUID } from 'node:crypto'
import { appendIds, entityKey, type EvtLog, type Head, type NewEvt } from 'eventsourced'
import type { Contender } from '../measure.js'

export const ENTITIES = 1_000
/** As large as an event of the counter, about. */
export const PAYLOAD = new Uint8Array(20).fill(1)

/** How much to append in a round. */
export interface Load {
  readonly name: string
  /** Appends of each entity, each of which is awaited before the next one. */
  readonly appends: number
  /** Events of each append, all of one command. */
  readonly evts: number
}

/** `EvtLog.persist` for all entities at once, one append in flight each. */
export function persisting(evtLog: EvtLog, { name, appends, evts }: Load): Contender {
  return {
    name,
    run: async () => {
      await Promise.all(Array.from({ length: ENTITIES }, () => persistFor(evtLog, appends, evts)))
      return ENTITIES * appends
    },
  }
}

async function persistFor(evtLog: EvtLog, appends: number, evts: number): Promise<void> {
  const key = entityKey('counter', randomUUID())
  const nextAppendId = appendIds()
  const evt: NewEvt = { type: 'Increased', version: 1, bytes: PAYLOAD, metadata: {} }
  const groups = [Array.from({ length: evts }, () => evt)]
  let expected: Head = { seqNo: 0, position: 0 }
  for (let n = 0; n < appends; n++) {
    const { head } = await evtLog.persist({ key, expected, appendId: nextAppendId(), groups })
    expected = head
  }
}
