import { UnavailableError } from 'eventsourced'
import { backOff } from '../wire/back-off.js'
import { persistently } from '../wire/persistently.js'
import type { StoredMsg } from './stored-msg.js'
import { leaderInfo, leaderMsg, type Stream } from './stream.js'

/**
 * The sequence of the stream's last message, which is known to be `atLeast` or larger, as its leader has it. An older answer is asked for again, since a leader that is
 * new may take a moment; after the stream's timeout it is taken for what it says: then the stream has lost messages.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function lastSeqOf(stream: Stream, atLeast: number, signal?: AbortSignal): Promise<number> {
  const what = `reading the head of the stream ${stream.name}`
  const deadline = performance.now() + stream.timeoutMs
  return persistently(stream, what, signal, async () => {
    const { state } = await leaderInfo(stream, what)
    const seq = state.last_seq
    if (seq >= atLeast || performance.now() >= deadline) return seq
    throw new UnavailableError(`${what}: it stands at ${seq}, an answer older than ${atLeast}, which was known`)
  })
}

/**
 * The last message of a subject, which is known to be at `atLeast` or behind. A leader that was cut off answers for some seconds as if it
 * still were one, with what it had: such answers are asked for again. After the stream's timeout an older one is taken for what it
 * says, if the leader is in touch with a majority: then the stream has lost messages.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function lastMsg(
  stream: Stream,
  subject: string,
  atLeast: number,
  signal?: AbortSignal,
): Promise<StoredMsg | undefined> {
  const deadline = performance.now() + stream.timeoutMs
  for (let attempt = 0; ; attempt++) {
    const msg = await leaderMsg(stream, { last_by_subj: subject }, signal)
    const seq = msg?.seq ?? 0
    if (seq >= atLeast) return msg
    if (performance.now() >= deadline) {
      await lastSeqOf(stream, 0, signal)
      return msg
    }
    stream.logger?.warn({ subject, seq, atLeast }, 'an answer older than what was acknowledged: asking again')
    await backOff(attempt, signal)
  }
}
