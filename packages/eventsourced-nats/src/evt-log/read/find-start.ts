import { msgHead } from '../evt-message.js'
import { leaderMsg, type Stream } from '../stream.js'
import type { Range } from './replay.js'

/** So many events before the first one are read and dropped sooner than searched past. */
const NEAR = 128
const MAX_STEPS = 24

/**
 * A stream sequence at or shortly before the first message of a range. The stream knows no seqNos, so it is searched for: the messages
 * of an entity lie somewhere between the beginning and its head, mostly evenly, which a few guesses find.
 */
export async function findStart(stream: Stream, { subject, from, head }: Range, signal?: AbortSignal): Promise<number> {
  let low = { seqNo: 0, seq: 0 }
  let high = { seqNo: head.seqNo, seq: head.seq }
  for (let step = 0; step < MAX_STEPS && from - low.seqNo > NEAR && high.seq - low.seq > 1; step++) {
    // Aimed a little too low, as a guess that is too high finds nothing. Every other step halves, for histories that are not even.
    const share = step % 2 === 0 ? (from - NEAR / 2 - low.seqNo) / (high.seqNo - low.seqNo + 1) : 0.5
    const guess = low.seq + Math.min(Math.max(Math.floor((high.seq - low.seq) * share), 1), high.seq - low.seq - 1)
    const msg = await leaderMsg(stream, { seq: guess, next_by_subj: subject }, signal)
    const found = msg && msgHead(msg)
    if (found !== undefined && found.seqNo <= from) low = { seqNo: found.seqNo, seq: found.seq }
    else high = { seqNo: found?.seqNo ?? high.seqNo, seq: guess }
  }
  return Math.max(low.seq, 1)
}
