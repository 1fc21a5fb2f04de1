import { SLICE_COUNT } from 'eventsourced'
import { persistently } from '../../wire/persistently.js'
import { msgHead } from '../evt-message.js'
import { leaderInfo, leaderMsg, type Stream } from '../stream.js'
import { keyOf, subjectsOfType } from '../subject.js'

/** How many last messages are asked for at a time. */
const AT_ONCE = 256

/** The ids of a type's entities, slice by slice: only one slice's are in memory at a time. */
export async function* ids(stream: Stream, typeName: string, signal: AbortSignal): AsyncGenerator<string, void, void> {
  for (let slice = 0; slice < SLICE_COUNT; slice++) {
    const counts = await countsOf(stream, subjectsOfType(stream.name, typeName, [slice]), signal)
    for (let next = 0; next < counts.length; next += AT_ONCE) {
      const page = counts.slice(next, next + AT_ONCE)
      const hasEvts = await Promise.all(page.map(([subject, count]) => isEvt(stream, subject, count, signal)))
      for (const [index, [subject]] of page.entries()) {
        signal.throwIfAborted()
        if (hasEvts[index] === true) yield keyOf(subject).id
      }
    }
  }
}

/** The subjects of a slice, and how many messages each has, as the stream's leader knows. */
async function countsOf(
  stream: Stream,
  [filter = '']: readonly string[],
  signal: AbortSignal,
): Promise<[subject: string, count: number][]> {
  const what = `reading the subjects of ${filter}`
  const { state } = await persistently(stream, what, signal, () =>
    leaderInfo(stream, what, { subjects_filter: filter }),
  )
  return Object.entries(state.subjects ?? {})
}

/** Whether an entity has an event: its only message may be a tombstone. */
async function isEvt(stream: Stream, subject: string, count: number, signal: AbortSignal): Promise<boolean> {
  if (count > 1) return true
  const last = await leaderMsg(stream, { last_by_subj: subject }, signal)
  return last !== undefined && !msgHead(last).isTombstone
}
