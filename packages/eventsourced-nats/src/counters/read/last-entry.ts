import { leaderMsg } from '../../evt-log/stream.js'
import { CounterError, failingAs } from '../counter-error.js'
import { type CounterEntry, entryOf } from '../counter-entry.js'
import type { CounterStream } from '../counter-stream.js'

/**
 * A counter as the stream's leader has it.
 *
 * @throws {CounterError} `NO_COUNTER_FOR_SUBJECT`
 */
export async function lastEntry(stream: CounterStream, subject: string): Promise<CounterEntry> {
  const msg = await failingAs('REQUEST', () => leaderMsg(stream, { last_by_subj: subject }))
  if (msg === undefined) {
    throw new CounterError('NO_COUNTER_FOR_SUBJECT', `the stream ${stream.name} has no counter ${subject} yet`)
  }
  return entryOf(stream.name, msg)
}
