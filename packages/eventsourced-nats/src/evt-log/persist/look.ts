import type { Persisted } from 'eventsourced'
import { leaderMsg, type Stream } from '../stream.js'
import { msgHead } from '../evt-message.js'
import { persistedOf, type Write } from './write.js'

/** The write is stored, or a prefix of its groups is. */
export interface FoundOurs {
  readonly kind: 'ours'
  readonly evtCount: number
  readonly lastSeq: number
}

/** What the stream's leader holds behind the event that a write is fenced by. */
export type Found =
  | FoundOurs
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
  const evtCount = await countOurs(stream, write, head.seq)
  return { kind: 'ours', evtCount, lastSeq: head.seq + evtCount - 1 }
}

async function isLast(stream: Stream, { subject, fence }: Write): Promise<boolean> {
  const last = await leaderMsg(stream, { last_by_subj: subject })
  return (last?.seq ?? 0) >= fence
}

function missing({ append }: Write): Found {
  return { kind: 'others', what: `no event stands at position ${append.expected.position}` }
}

/** How many of a write's events are stored from `firstSeq` on. They are the whole write, or a prefix of its groups. */
async function countOurs(stream: Stream, { subject, append, msgs }: Write, firstSeq: number): Promise<number> {
  const isOurs = async (index: number) => {
    const msg = await leaderMsg(stream, { seq: firstSeq + index })
    if (msg === undefined || msg.subject !== subject) return false
    const { appendId, seqNo } = msgHead(msg)
    return appendId === append.appendId && seqNo === append.expected.seqNo + index + 1
  }
  if (await isOurs(msgs.length - 1)) return msgs.length
  let count = 1
  while (count < msgs.length && (await isOurs(count))) count++
  return count
}

/** What to answer for a write that is found. Only whole groups are ever stored, so what is found are whole groups. */
export function persistedOfFound(write: Write, { evtCount, lastSeq }: FoundOurs): Persisted {
  let groups = 0
  for (let evts = 0; evts < evtCount; groups++) evts += write.append.groups[groups]?.length ?? 0
  return persistedOf({ ...write, groups, msgs: write.msgs.slice(0, evtCount) }, lastSeq)
}
