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
