import { leaderMsg, type Stream } from '../stream.js'
import { Batch } from './batch.js'
import type { Outcome } from './outcome.js'
import type { Write } from './write.js'

/** A write, and who waits for its outcome. */
export interface Waiting {
  readonly write: Write
  readonly onOutcome: (outcome: Outcome) => void
}

type Settle = (waiting: Waiting, outcome: Outcome) => void

/**
 * Has a batch stored, and settles each of those that wait for it. A fence that fails fails the whole batch: then the write that it
 * belongs to is taken out, and the others go again.
 */
export async function storeBatch(
  stream: Stream,
  batch: Batch,
  waiting: readonly Waiting[],
  settle: Settle,
): Promise<void> {
  const { outcome, failedAt } = await batch.end()
  if (outcome.kind === 'stored') return settleStored(waiting, outcome.lastSeq, settle)
  const shared = waiting.length > 1 && (outcome.kind === 'conflict' || outcome.kind === 'refused')
  if (!shared) {
    for (const one of waiting) settle(one, outcome)
    return
  }
  const culprit = failedAt === undefined ? undefined : await findCulprit(stream, waiting, failedAt)
  if (culprit === undefined) {
    const half = Math.ceil(waiting.length / 2)
    await storeAgain(stream, waiting.slice(0, half), settle)
    await storeAgain(stream, waiting.slice(half), settle)
    return
  }
  settle(culprit, outcome)
  await storeAgain(
    stream,
    waiting.filter((one) => one !== culprit),
    settle,
  )
}

async function storeAgain(stream: Stream, waiting: readonly Waiting[], settle: Settle): Promise<void> {
  const batch = new Batch(stream)
  for (const { write } of waiting) batch.add(write)
  return storeBatch(stream, batch, waiting, settle)
}

/** The messages of a batch get sequences one behind the other, in the order in which they were sent. */
function settleStored(waiting: readonly Waiting[], lastSeq: number, settle: Settle): void {
  let last = lastSeq
  for (const one of waiting.toReversed()) {
    settle(one, { kind: 'stored', lastSeq: last })
    last -= one.write.msgs.length
  }
}

/** Whose fence failed, by the message that the server has found in its place. */
async function findCulprit(
  stream: Stream,
  waiting: readonly Waiting[],
  failedAt: number,
): Promise<Waiting | undefined> {
  const msg = await leaderMsg(stream, { seq: failedAt }).catch(() => undefined)
  return waiting.find(({ write }) => write.subject === msg?.subject)
}
