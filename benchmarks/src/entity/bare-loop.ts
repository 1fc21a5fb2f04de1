import { Entity, type EntityRef, MemoryEvtLog } from 'eventsourced'
import { counter, counterBinarizer, type Dec, type Evt, type Inc } from 'eventsourced-counter'
import { v7 } from 'uuid'
import type { Contender } from '../measure.js'

export const ON_MEMORY = 'the entity runtime on the memory log'
export const BARE_LOOP = 'a bare loop: promise, handler, encode, push'

const ENTITIES = 1_000
const COMMANDS_EACH = 1_000

/** What no runtime can do without: a promise, the command handler, the encoding, a push. */
export function bareLoop(): Contender {
  return {
    name: BARE_LOOP,
    run: async () => {
      const values = Array.from({ length: ENTITIES }, () => 0n)
      const stored: unknown[] = []
      const handle = (index: number) =>
        new Promise<bigint>((resolve) => {
          let value = values[index] ?? 0n
          const effect = counter.handleCmd(value, { type: 'Inc', inc: 1n }, CONTEXT)
          if (effect.effect !== 'persist') throw new Error('the bare loop expects events')
          for (const evt of effect.evts) {
            stored.push(counterBinarizer.encodeEvt(evt))
            value = counter.handleEvt(value, evt, 1)
          }
          values[index] = value
          resolve(value)
        })
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
  let refs: EntityRef<Inc | Dec, Evt>[] = []
  return {
    name: ON_MEMORY,
    prepare: async () => {
      const options = { evtLog: new MemoryEvtLog(), binarizer: counterBinarizer }
      refs = await Promise.all(Array.from({ length: ENTITIES }, () => Entity.spawn(v7(), counter, options)))
    },
    run: async () => {
      await Promise.all(
        refs.map(async (ref) => {
          for (let n = 0; n < COMMANDS_EACH; n++) await ref.handleCmd({ type: 'Inc', inc: 1n })
        }),
      )
      return ENTITIES * COMMANDS_EACH
    },
  }
}
