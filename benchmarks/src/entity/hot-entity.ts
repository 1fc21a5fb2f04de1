import { Entity, type EvtLog } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { v7 } from 'uuid'
import type { Contender } from '../measure.js'

const CALLERS = 1_000
// Enough for either to be warm: in its first 50 ms an awaited append takes twice as long.
const COMMANDS_EACH = 100
const AWAITED = 3_000

/** One entity with a thousand callers, each of which awaits its answer before it asks again. */
export function manyCallers(evtLog: EvtLog): Contender {
  return {
    name: `${CALLERS.toLocaleString('en')} callers of one entity`,
    run: async () => {
      const ref = await Entity.spawn(v7(), counter, { evtLog, binarizer: counterBinarizer })
      await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          for (let n = 0; n < COMMANDS_EACH; n++) await ref.handleCmd({ type: 'Inc', inc: 1n })
        }),
      )
      return CALLERS * COMMANDS_EACH
    },
  }
}

/** The same without pipelining: each append awaited before the next command. */
export function oneAtATime(evtLog: EvtLog): Contender {
  return {
    name: 'each append awaited',
    run: async () => {
      const ref = await Entity.spawn(v7(), counter, { evtLog, binarizer: counterBinarizer })
      for (let n = 0; n < AWAITED; n++) await ref.handleCmd({ type: 'Inc', inc: 1n })
      return AWAITED
    },
  }
}
