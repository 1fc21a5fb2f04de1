import { UnavailableError } from 'eventsourced'
import { failureOf } from '../errors/failure.js'
import { persistently } from '../wire/persistently.js'
import { type MsgHead, msgHead } from './evt-message.js'
import type { RecentHeads } from './recent-heads.js'
import { lastMsg, type Stream } from './stream.js'

/** The last message of an entity, event or tombstone, as the stream's leader has it. */
export async function readHead(
  stream: Stream,
  recent: RecentHeads,
  subject: string,
  signal?: AbortSignal,
): Promise<MsgHead | undefined> {
  const last = await lastMsg(stream, subject, recent.get(subject)?.seq ?? 0, signal)
  const head = last && msgHead(last)
  if (head !== undefined) recent.set(subject, head)
  return head
}

/** The position of the last event of all, as the stream's leader has it. @throws {UnavailableError | RefusedError} */
export function readHeadPosition(stream: Stream, recent: RecentHeads): Promise<number> {
  return lastSeqOf(stream, recent.highest)
}

/**
 * The sequence of the stream's last message, which is known to be `atLeast` or larger, as its leader has it. An answer older than that comes from a leader
 * that was cut off, and is asked for again; after the stream's timeout it is taken for what it says: then the stream has lost messages.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function lastSeqOf(stream: Stream, atLeast: number, signal?: AbortSignal): Promise<number> {
  const { name, manager, timeoutMs } = stream
  const what = `reading the head of the stream ${name}`
  const deadline = performance.now() + timeoutMs
  return persistently(stream, what, signal, async () => {
    const info = await manager.streams.info(name).catch((error: unknown) => {
      throw failureOf(what, error)
    })
    const position = info.state.last_seq
    if (position >= atLeast || performance.now() >= deadline) return position
    throw new UnavailableError(`${what}: it stands at ${position}, an answer older than ${atLeast}, which was known`)
  })
}
