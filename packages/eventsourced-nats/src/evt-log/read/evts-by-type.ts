import { type EvtsByTypeOptions, type PersistedEvt, SLICE_COUNT } from 'eventsourced'
import { readingEvts } from '../evt-message.js'
import { lastSeqOf } from '../last.js'
import type { RecentHeads } from '../recent-heads.js'
import { leaderMsg, type Stream } from '../stream.js'
import { isOfType, subjectsOfType } from '../subject.js'
import { follow } from './follow.js'

/** Pages of the events of a type, or of some of its slices, through a consumer of either just those or all messages. */
export async function* evtsByType(
  stream: Stream,
  recent: RecentHeads,
  { typeName, after = 0, live = false, slice }: EvtsByTypeOptions & { readonly typeName: string },
  signal: AbortSignal,
): AsyncGenerator<readonly PersistedEvt[], void, void> {
  const all = slice !== undefined && new Set(slice).size === SLICE_COUNT
  const slices = all ? undefined : slice
  const subjects = subjectsOfType(stream.name, typeName, slices)
  const share = slices === undefined ? 1 : subjects.length / SLICE_COUNT
  const wanted = { isWanted: isOfType(stream.name, typeName, slices), share }
  if (subjects.length === 0) return
  const last = live ? Infinity : await lastSeq(stream, recent, subjects, signal)
  if (last <= after) return
  const reading = { subjects, after, isPatient: live, wanted, read: readingEvts() }
  for await (const { items, through } of follow(stream, reading, signal)) {
    recent.reached(through)
    if (items.length > 0) yield through <= last ? items : items.filter(({ position }) => position <= last)
    // The last one may be deleted meanwhile, but then a tombstone or a later event comes behind it.
    if (through >= last) return
  }
}

/** The sequence of the last message on any of the subjects, as the stream's leader has it; 0 if there is none. */
async function lastSeq(
  stream: Stream,
  recent: RecentHeads,
  subjects: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  // A leader that is cut off would end the read before what others have stored since.
  await lastSeqOf(stream, recent.highest, signal)
  const lasts = await Promise.all(subjects.map((subject) => leaderMsg(stream, { last_by_subj: subject }, signal)))
  return Math.max(...lasts.map((msg) => msg?.seq ?? 0))
}
