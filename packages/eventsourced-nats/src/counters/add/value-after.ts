import { leaderMsg } from '../../evt-log/stream.js'
import { CounterError, failingAs, hasCounterCode, invalidInput } from '../counter-error.js'
import type { CounterStream } from '../counter-stream.js'
import { MESSAGE_ID_HEADER } from '../message-id.js'
import { COUNTER_INCREMENT_HEADER, parseCounterIncrement, parseCounterValue } from '../parse.js'
import { lastEntry } from '../read/last-entry.js'
import type { Add } from './add.js'

/**
 * The counter's value after an add that was counted before, which the server calls a duplicate without telling its value: it stands in what the
 * add has stored. If that is no longer kept, the counter's value now, which may hold later adds.
 *
 * @throws {CounterError} `INVALID_INPUT` if the id was given to another add before
 */
export async function valueAfter(stream: CounterStream, add: Add, seq: number): Promise<bigint> {
  const { subject } = add.msg
  try {
    const msg = await failingAs('REQUEST', () => leaderMsg(stream, { seq }))
    if (msg?.headers.get(MESSAGE_ID_HEADER) !== add.messageId) return (await lastEntry(stream, subject)).value
    const increment = parseCounterIncrement(msg.headers.get(COUNTER_INCREMENT_HEADER))
    if (increment === add.delta) return parseCounterValue(msg.data)
    throw invalidInput('id', add.messageId, `an id of its own: an add of ${increment} to ${subject} had it before`)
  } catch (error) {
    if (!hasCounterCode(error, 'REQUEST')) throw error
    throw new CounterError('REQUEST', `the add to ${subject} is counted, but the value after it: ${error.message}`, {
      cause: error,
    })
  }
}
