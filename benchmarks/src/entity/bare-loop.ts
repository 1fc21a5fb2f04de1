import { Entity, MemoryEvtLog } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { v7 } from 'uuid'
import type { Contender } from '../measure.js'

const ENTITIES = 1_000
const COMMANDS_EACH = 200

/** What no runtime can do without: a promise, the command handler, the encoding, a push. */
export function bareLoop(): Contender {
  return {
    name: 'a bare loop: promise, handler, encode, push',
    run: async () => {
      const values = Array.from({ length: ENTITIES }, () => 0n)
      const stored: unknown[] = []
      const handle = async (index: number): Promise<bigint> => {
        const value = values[index] ?? 0n
        const effect = counter.handleCmd(value, { type: 'Inc', inc: 1n }, CONTEXT)
        if (effect.effect !== 'persist') throw new Error('the bare loop expects events')
        let next = value
        for (const evt of effect.evts) {
          stored.push(counterBinarizer.encodeEvt(evt))
          next = counter.handleEvt(next, evt, 1)
        }
        values[index] = next
        return next
      }
      await Promise.all(
        values.map(async (_, index) => {
          for (let n = 0; n < COMMANDS_EACH; n++) await handle(index)
        }),
      )
      return ENTITIES * COMMANDS_EACH
    },
  }
}

const CONTEXT = { id: '', seqNo: 0, now: new Date(), metadata: {} }

/** The runtime on the memory log: as many entities, each with one command in flight. */
export function entitiesOnMemory(): Contender {
  return {
    name: 'the entity runtime on the memory log',
    run: async () => {
      const evtLog = new MemoryEvtLog()
      const refs = await Promise.all(
        Array.from({ length: ENTITIES }, () => Entity.spawn(v7(), counter, { evtLog, binarizer: counterBinarizer })),
      )
      await Promise.all(
        refs.map(async (ref) => {
          for (let n = 0; n < COMMANDS_EACH; n++) await ref.handleCmd({ type: 'Inc', inc: 1n })
        }),
      )
      return ENTITIES * COMMANDS_EACH
    },
  }
}
