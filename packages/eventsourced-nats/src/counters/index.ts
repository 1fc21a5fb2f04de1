export type { CounterSource, CountersConfig, CountersOptions } from './config.js'
export type { CounterEntry } from './counter-entry.js'
export { CounterError, type CounterErrorCode, hasCounterCode } from './counter-error.js'
export { type AddOptions, Counters, type ReadOptions, type WatchOptions } from './counters.js'
export {
  COUNTER_INCREMENT_HEADER,
  COUNTER_SOURCES_HEADER,
  type CounterAck,
  type CounterSources,
  parseCounterAck,
  parseCounterIncrement,
  parseCounterSources,
  parseCounterValue,
} from './parse.js'
