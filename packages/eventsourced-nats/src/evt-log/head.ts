import { type MsgHead, msgHead } from './evt-message.js'
import { lastMsg, lastSeqOf } from './last.js'
import type { RecentHeads } from './recent-heads.js'
import type { Stream } from './stream.js'

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

/**
 * The position of the last event of all, as the stream's leader has it; an answer older than `atLeast`, or than what this log knows of, is asked for again.
 *
 * @throws {UnavailableError | RefusedError}
 */
export function readHeadPosition(stream: Stream, recent: RecentHeads, atLeast: number): Promise<number> {
  return lastSeqOf(stream, Math.max(recent.highest, atLeast))
}
