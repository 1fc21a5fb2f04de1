import type { StoredMsg } from '../evt-log/stored-msg.js'
import { callersId, MESSAGE_ID_HEADER } from './message-id.js'
import {
  COUNTER_INCREMENT_HEADER,
  COUNTER_SOURCES_HEADER,
  type CounterSources,
  parseCounterIncrement,
  parseCounterSources,
  parseCounterValue,
} from './parse.js'

/** A counter as an add has left it. */
export interface CounterEntry {
  readonly subject: string
  readonly value: bigint
  /** What the add added. In a stream with sources it may stand for several adds of a source at once. */
  readonly increment: bigint
  /** What each source stream has contributed, by the subject there; empty where nothing is sourced. What was added here itself is the rest. */
  readonly sources: CounterSources
  /** Where in the stream the add is stored: later adds, on whatever subject, have a larger one. */
  readonly sequence: number
  readonly time: Date
  /** The id that the add was given by its caller; undefined without one, and for what was sourced. */
  readonly id: string | undefined
}

/**
 * What a message of a stream says of its counter.
 *
 * @throws {CounterError} `SERIALIZATION`, `INVALID_COUNTER_VALUE` or `INVALID_SOURCES`
 */
export function entryOf(stream: string, { subject, seq, time, headers, data }: StoredMsg): CounterEntry {
  return {
    subject,
    value: parseCounterValue(data),
    increment: parseCounterIncrement(headers.get(COUNTER_INCREMENT_HEADER)),
    sources: parseCounterSources(headers.get(COUNTER_SOURCES_HEADER)),
    sequence: seq,
    time,
    id: callersId(stream, subject, headers.get(MESSAGE_ID_HEADER)),
  }
}
