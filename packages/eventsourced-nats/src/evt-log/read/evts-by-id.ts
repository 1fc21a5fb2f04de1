import type { EntityKey, EvtsByIdOptions, PersistedEvt } from 'eventsourced'
import { evtOf, msgHead } from '../evt-message.js'
import { readHead } from '../head.js'
import type { RecentHeads } from '../recent-heads.js'
import type { StoredMsg } from '../stored-msg.js'
import type { Stream } from '../stream.js'
import { subjectOf } from '../subject.js'
import { follow } from './follow.js'
import { replay } from './replay.js'

/** One entity's events: batched direct gets up to the head, then a consumer if the read is live. */
export async function* evtsById(
  stream: Stream,
  recent: RecentHeads,
  key: EntityKey,
  { from = 1, to = Number.MAX_SAFE_INTEGER, live = false }: EvtsByIdOptions,
  signal: AbortSignal,
): AsyncGenerator<PersistedEvt, void, void> {
  if (from > to) return
  const subject = subjectOf(stream.name, key)
  const known = recent.get(subject)
  // Whoever asks for no more than a head that this log has told needs no newer one.
  const head = known !== undefined && to <= known.seqNo ? known : await readHead(stream, recent, subject, signal)
  if (head !== undefined) {
    const range = { subject, from, to: Math.min(to, head.seqNo), head }
    for await (const msg of replay(stream, range, signal)) {
      const evt = evtOf(msg)
      signal.throwIfAborted()
      if (evt !== undefined) yield evt
    }
  }
  signal.throwIfAborted()
  const seqNo = head?.seqNo ?? 0
  if (!live || seqNo >= to) return
  // A tombstone stands behind the event that it stands for, so that what follows the head stands behind either.
  yield* evtsAfter(stream, { subject, from: Math.max(from, seqNo + 1), to, after: head?.seq ?? 0 }, signal)
}

async function* evtsAfter(
  stream: Stream,
  {
    subject,
    from,
    to,
    after,
  }: { readonly subject: string; readonly from: number; readonly to: number; readonly after: number },
  signal: AbortSignal,
): AsyncGenerator<PersistedEvt, void, void> {
  const read = (msg: StoredMsg) => ({ seqNo: msgHead(msg).seqNo, evt: evtOf(msg) })
  for await (const { items } of follow(stream, { subjects: [subject], after, isPatient: true, read }, signal)) {
    for (const { seqNo, evt } of items) {
      signal.throwIfAborted()
      if (evt !== undefined && seqNo >= from && seqNo <= to) yield evt
      if (seqNo >= to) return
    }
  }
}
