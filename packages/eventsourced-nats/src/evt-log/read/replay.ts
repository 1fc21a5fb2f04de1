import { UnavailableError } from 'eventsourced'
import { backOff } from '../../wire/back-off.js'
import { orAborted } from '../../wire/or-aborted.js'
import { type MsgHead, type Read, readMsg } from '../evt-message.js'
import type { Stream } from '../stream.js'
import { directGet } from './direct-get.js'
import { findStart } from './find-start.js'
import { walkBack } from './walk-back.js'

/** Which of an entity's messages to read. */
export interface Range {
  readonly subject: string
  /** The first seqNo. */
  readonly from: number
  /** The last seqNo, at most that of the head: it is there, or a later message is. */
  readonly to: number
  /** A head of the entity's, told by the leader. */
  readonly head: MsgHead
}

const MAX_PAGE_MSGS = 256

/**
 * An entity's stored messages, tombstones among them, from one seqNo to another, whatever replica answers: a few that lie scattered are
 * read one by one, all others by the page. Holds one page at a time, and nothing open between two of them.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function* replay(
  stream: Stream,
  range: Range,
  signal?: AbortSignal,
): AsyncGenerator<readonly Read[], void, void> {
  const { subject, from, to } = range
  if (from > to) return
  const near = await orAborted(walkBack(stream, range, signal), signal)
  if (near !== undefined) return yield near
  let seq = await findStart(stream, range, signal)
  const deadline = performance.now() + stream.timeoutMs
  for (let attempt = 0; ; attempt++) {
    const { msgs, isEnd } = await directGet(stream, { subject, seq, maxMsgs: MAX_PAGE_MSGS }, signal)
    const reads = msgs.map(readMsg)
    yield reads.filter(({ head: { seqNo } }) => seqNo >= from && seqNo <= to)
    const last = reads.at(-1)?.head
    // What is deleted is followed by a later event, or by the tombstone with the seqNo of the last.
    if (last !== undefined && last.seqNo >= to) return
    if (last !== undefined) seq = last.seq + 1
    if (!isEnd) continue
    // A replica that has not caught up with the leader.
    if (performance.now() >= deadline)
      throw new UnavailableError(`reading ${subject}: no replica has caught up in time`)
    await backOff(attempt, signal)
    signal?.throwIfAborted()
  }
}
