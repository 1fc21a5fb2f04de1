import type { EntityKey, EvtsByIdOptions, PersistedEvt } from 'eventsourced'
import { type Read, readingEvts, readMsg } from '../evt-message.js'
import { readHead } from '../head.js'
import type { RecentHeads } from '../recent-heads.js'
import type { Stream } from '../stream.js'
import { subjectOf } from '../subject.js'
import { follow } from './follow.js'
import { replay } from './replay.js'

/** One entity's events, by the page: batched direct gets up to the head, then a consumer if the read is live. */
export async function* evtsById(
  stream: Stream,
  recent: RecentHeads,
  key: EntityKey,
  { from = 1, to = Number.MAX_SAFE_INTEGER, live = false }: EvtsByIdOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly PersistedEvt[], void, void> {
  if (from > to) return
  const subject = subjectOf(stream.name, key)
  const known = recent.get(subject)
  // Whoever asks for no more than a head that this log has told needs no newer one.
  const head = known !== undefined && to <= known.seqNo ? known : await readHead(stream, recent, subject, signal)
  if (head !== undefined) {
    const range = { subject, from, to: Math.min(to, head.seqNo), head }
    for await (const page of replay(stream, range, signal)) yield evtsOf(page)
  }
  signal.throwIfAborted()
  const seqNo = head?.seqNo ?? 0
  if (!live || seqNo >= to) return
  // A tombstone stands behind the event that it stands for, so that what follows the head stands behind either.
  const following = { subjects: [subject], after: head?.seq ?? 0, isPatient: true, read: readMsg }
  for await (const { items } of follow(stream, following, signal)) {
    yield evtsOf(items.filter(({ head: { seqNo } }) => seqNo >= from && seqNo <= to))
    if (items.some(({ head: { seqNo } }) => seqNo >= to)) return
  }
}

function evtsOf(reads: readonly Read[]): readonly PersistedEvt[] {
  const evtOf = readingEvts()
  return reads.flatMap(({ msg, fields }) => evtOf(msg, fields) ?? [])
}
