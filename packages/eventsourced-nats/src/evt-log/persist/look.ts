import { backOff } from '../../wire/back-off.js'
import { msgHead } from '../evt-message.js'
import { lastMsg } from '../last.js'
import { leaderMsg, type Stream } from '../stream.js'
import type { Write } from './write.js'

/** What the stream's leader holds behind the event that a write is fenced by. */
export type Found =
  /** The write is stored. */
  | { readonly kind: 'ours'; readonly lastSeq: number }
  /** It is stored, but not all of it can be read. */
  | { readonly kind: 'partly'; readonly what: string }
  /** Another writer's event stands there, or the expected one does not. The write is not stored and never will be. */
  | { readonly kind: 'others'; readonly what: string }
  /** What stood there is deleted: nobody can tell whose it was. */
  | { readonly kind: 'deleted'; readonly what: string }
  /** The expected event is deleted, and a tombstone that stands for it is the last: the fence must go by that. */
  | { readonly kind: 'tombstone'; readonly seq: number }
  /** Nothing. That proves nothing, since an earlier try may still be on its way. */
  | { readonly kind: 'nothing' }

/** Looks whose events stand behind the one that a write is fenced by. */
export async function look(stream: Stream, write: Write): Promise<Found> {
  const { subject, fence, append } = write
  const next = await leaderMsg(stream, { seq: fence + 1, next_by_subj: subject })
  if (next === undefined) return (await isLast(stream, write)) ? { kind: 'nothing' } : missing(write)
  const head = msgHead(next)
  const { seqNo } = append.expected
  if (head.isTombstone && head.position === append.expected.position && head.seqNo === seqNo) {
    const behind = await look(stream, { ...write, fence: head.seq })
    return behind.kind === 'nothing' ? { kind: 'tombstone', seq: head.seq } : behind
  }
  if (head.seqNo > seqNo + 1 || head.isTombstone) {
    return { kind: 'deleted', what: `its next event that is not deleted is ${head.seqNo}` }
  }
  if (head.appendId !== append.appendId || head.seqNo !== seqNo + 1) {
    return { kind: 'others', what: `event ${head.seqNo} is of append ${head.appendId}` }
  }
  return (await isWhole(stream, write, head.seq))
    ? { kind: 'ours', lastSeq: head.seq + write.msgs.length - 1 }
    : { kind: 'partly', what: `of its ${write.msgs.length} events only the first can be read` }
}

async function isLast(stream: Stream, { subject, fence }: Write): Promise<boolean> {
  const last = await lastMsg(stream, subject, fence)
  return (last?.seq ?? 0) >= fence
}

function missing({ append }: Write): Found {
  return { kind: 'others', what: `no event stands at position ${append.expected.position}` }
}

/** A write is stored whole, but a server that has just become the leader may show its first events for a moment before the others. */
async function isWhole(stream: Stream, { subject, append, msgs }: Write, firstSeq: number): Promise<boolean> {
  const deadline = performance.now() + stream.timeoutMs
  for (let attempt = 0; ; attempt++) {
    const last = await leaderMsg(stream, { seq: firstSeq + msgs.length - 1 })
    if (last?.subject === subject && msgHead(last).appendId === append.appendId) return true
    if (performance.now() >= deadline) return false
    await backOff(attempt)
  }
}
