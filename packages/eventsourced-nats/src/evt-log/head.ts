import { type MsgHead, msgHead } from './evt-message.js'
import type { RecentHeads } from './recent-heads.js'
import { leaderMsg, type Stream } from './stream.js'

/** The last message of an entity, event or tombstone, as the stream's leader has it. */
export async function readHead(
  stream: Stream,
  recent: RecentHeads,
  subject: string,
  signal?: AbortSignal,
): Promise<MsgHead | undefined> {
  const last = await leaderMsg(stream, { last_by_subj: subject }, signal)
  const head = last && msgHead(last)
  if (head !== undefined) recent.set(subject, head)
  return head
}
