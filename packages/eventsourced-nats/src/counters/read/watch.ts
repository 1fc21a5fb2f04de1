import type { StoredMsg } from '../../evt-log/stored-msg.js'
import { follow } from '../../evt-log/read/follow.js'
import { numberAt } from '../../wire/json.js'
import { type CounterEntry, entryOf } from '../counter-entry.js'
import { counterError } from '../counter-error.js'
import { at, type CounterStream, streamInfo } from '../counter-stream.js'

/** The adds to all counters that the filters match, as they come, for ever: from now on, or those behind a sequence. */
export async function* watch(
  stream: CounterStream,
  subjects: readonly string[],
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<CounterEntry, void, void> {
  const start = after ?? (await lastSequence(stream, signal))
  try {
    const read = (msg: StoredMsg) => entryOf(stream.name, msg)
    for await (const { items } of follow(stream, { subjects, after: start, isPatient: true, read }, signal)) {
      for (const entry of items) {
        signal.throwIfAborted()
        yield entry
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw counterError('REQUEST', error)
  }
}

async function lastSequence(stream: CounterStream, signal: AbortSignal): Promise<number> {
  const info = await streamInfo(stream, {}, signal)
  return numberAt(at(info, 'state'), 'last_seq') ?? 0
}
