import { Entity, type EvtLog } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { v7 } from 'uuid'
import type { Contender } from '../measure.js'

const CALLERS = 1_000
const COMMANDS_EACH = 20
const AWAITED = 300

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
