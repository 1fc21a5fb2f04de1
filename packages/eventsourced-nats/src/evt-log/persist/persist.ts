import { type Append, ConflictError, type Persisted, UncertainError } from 'eventsourced'
import type { CheckedEvtLogConfig } from '../../config/evt-log-config.js'
import { pubReply } from '../../wire/ack.js'
import { readHead } from '../head.js'
import type { Work } from '../../wire/work.js'
import type { RecentHeads } from '../recent-heads.js'
import type { Stream } from '../stream.js'
import { rememberingSubjects } from '../subject.js'
import { createBudget } from './budget.js'
import { look } from './look.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { resolve, type Send } from './resolve.js'
import { sharedBatches } from './suspects.js'
import { Way } from './way.js'
import { outMsg, persistedOf, type Write, writeOf } from './write.js'

/** Stores an append that was checked before. It may throw at once. */
export type Persist = (append: Append) => Promise<Persisted>

type OnOutcome = (outcome: Outcome) => void

/** Stores appends: those of one event each by themselves, others in batches that they share. */
export function createPersist(
  stream: Stream,
  recent: RecentHeads,
  work: Work,
  { maxInFlightBytes, batching }: Pick<CheckedEvtLogConfig, 'maxInFlightBytes' | 'batching'>,
): Persist {
  const budget = createBudget(maxInFlightBytes)
  const sendInBatch = sharedBatches(stream)
  const way = new Way(batching, stream.logger)
  const subjectOf = rememberingSubjects(stream.name)
  let underWay = 0
  let lingering = 0
  const noneLingers = () => {
    underWay -= lingering
    lingering = 0
  }

  const note = (outcome: Outcome, sentAt: number, before: number) => {
    // A failure may be as quick or slow as it likes.
    if (outcome.kind === 'stored') way.took(sentAt, before)
  }

  const send = (write: Write, onOutcome: OnOutcome) => {
    if (write.msgs.length > 1) return sendInBatch(write, onOutcome)
    const before = underWay
    const sentAt = performance.now()
    if (!way.sharesBatch(before)) {
      return stream.wire.send(outMsg(write, 0), (reply) => {
        const outcome = outcomeOf(pubReply(stream.name, reply), 1)
        note(outcome, sentAt, before)
        onOutcome(outcome)
      })
    }
    sendInBatch(write, (outcome) => {
      // All of a batch are answered at once, and what follows on them comes in the same turn of the event loop: they still count for it.
      underWay++
      if (lingering++ === 0) setImmediate(noneLingers)
      note(outcome, sentAt, before)
      onOutcome(outcome)
    })
  }
  const sendAgain: Send = (write) => new Promise((done) => send(write, done))

  const stored = (write: Write, persisted: Persisted): Persisted => {
    const { seqNo, position } = persisted.head
    const { appendId } = write.append
    recent.set(write.subject, { seqNo, position, appendId, seq: position, isTombstone: false, fence: undefined })
    return persisted
  }

  const over = (write: Write) => {
    underWay--
    budget.give(write.bytes)
    work.end()
  }

  const find = async (write: Write, outcome: Outcome) => {
    try {
      return stored(write, await resolve(stream, write, sendAgain, outcome))
    } finally {
      over(write)
    }
  }

  // Nearly all end with the first answer, and cost one promise.
  const store = (write: Write) =>
    new Promise<Persisted>((done) => {
      work.begin()
      underWay++
      send(write, (outcome) => {
        if (outcome.kind !== 'stored') return done(find(write, outcome))
        over(write)
        done(stored(write, persistedOf(write, outcome.lastSeq)))
      })
    })

  const inTurn = (write: Write) => {
    const turn = budget.take(write.bytes)
    return turn === undefined ? store(write) : work.do(() => turn.then(() => store(write)))
  }

  return (append) => {
    const write = writeOf(append, subjectOf(append.key), stream.wire.maxPayload)
    if (isKnown(recent, write)) return inTurn(write)
    return work.do(() => checkHead(stream, recent, write).then((before) => before ?? inTurn(write)))
  }
}

/** Whether the expected head is one that this log has seen. Where a tombstone stands for it, the fence goes by that. */
function isKnown(recent: RecentHeads, write: Write): boolean {
  const { expected } = write.append
  if (expected.position === 0) return true
  const known = recent.get(write.subject)
  if (known?.position !== expected.position || known.seqNo !== expected.seqNo) return false
  write.fence = known.seq
  return true
}

/**
 * The server's fence goes by a message's place in the stream alone: neither would it notice a wrong seqNo, nor a position that is a
 * tombstone's. So a head that this log has not seen is compared with the entity's.
 *
 * @returns what was stored of this very append before, if so
 * @throws {ConflictError} if the entity's head is another one
 * @throws {UncertainError} if this very append is there, but can't be read as a whole
 */
async function checkHead(stream: Stream, recent: RecentHeads, write: Write): Promise<Persisted | undefined> {
  const { key, expected } = write.append
  const head = await readHead(stream, recent, write.subject)
  if (isKnown(recent, write)) return undefined
  if (head !== undefined && head.seq > write.fence) {
    const found = await look(stream, write)
    if (found.kind === 'ours') return persistedOf(write, found.lastSeq)
    if (found.kind === 'partly') throw new UncertainError(`${key.typeName} ${key.id}: ${found.what}`)
  }
  const { seqNo, position } = head ?? { seqNo: 0, position: 0 }
  throw new ConflictError(
    `${key.typeName} ${key.id} stands at ${JSON.stringify({ seqNo, position })}, not at the expected ${JSON.stringify(expected)}`,
  )
}
