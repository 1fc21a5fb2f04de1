import type { EvtLog } from 'eventsourced'
import type { Contender } from '../measure.js'
import { appendAll, appender } from './appends.js'

/** One entity, each append awaited before the next one. */
export function lone(evtLog: EvtLog, times: number): Contender {
  return { name: 'EvtLog.persist', run: () => appendAll([appender(evtLog).append], times) }
}
