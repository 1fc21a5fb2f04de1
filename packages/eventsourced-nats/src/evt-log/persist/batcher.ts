import { nuid } from 'nats'
import { pubReply } from '../../wire/ack.js'
import { leaderMsg, type Stream } from '../stream.js'
import type { OutMsg } from '../../wire/wire.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { MAX_BATCH_BYTES, MAX_BATCH_MSGS, outMsg, type Write } from './write.js'

// The server allows 50 for a stream, shared by all processes.
const MAX_IN_FLIGHT = 4
/** Fewer messages than this are not split. */
const MIN_SHARE = 64
/** Some never come back: so many are remembered. */
const MAX_LONERS = 1_000

interface Waiting {
  readonly write: Write
  readonly resolve: (outcome: Outcome) => void
}

/** Why a batch failed, if it did: the number is the last sequence of the subject whose fence failed, if the server told. */
interface BatchOutcome {
  readonly outcome: Outcome
  readonly failedAt: number | undefined
}

/**
 * Stores writes of several messages as atomic batches, each shared by all that wait.
 *
 * A batch forms while earlier ones are being written: a lone write never waits for company, and the busier the log, the larger they
 * get. A fence that fails fails the whole batch, so the write that it belongs to is taken out and the others go again; a
 * write that has conflicted goes alone until it succeeds, so that it can't fail its neighbours over and over.
 */
export class Batcher {
  readonly #stream: Stream
  readonly #goesAlone = new Set<string>()
  #queue: Waiting[] = []
  #inFlight = 0
  /** How many messages wait or are in flight. */
  #msgs = 0
  #isScheduled = false

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /** Sends a write once, in company if there is any. */
  send(write: Write): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#queue.push({ write, resolve })
      this.#msgs += write.msgs.length
      this.#schedule()
    })
  }

  /** All that come in one turn of the event loop share the first batch. */
  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= MAX_IN_FLIGHT || this.#queue.length === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      while (this.#inFlight < MAX_IN_FLIGHT && this.#queue.length > 0) void this.#sendNext()
    })
  }

  async #sendNext(): Promise<void> {
    // Half of all: while one batch is being written the next one is formed and sent.
    const maxMsgs = Math.min(Math.max(Math.ceil(this.#msgs / 2), MIN_SHARE), MAX_BATCH_MSGS)
    const { batch, rest } = fill(this.#queue, this.#goesAlone, maxMsgs)
    this.#queue = rest
    this.#inFlight++
    try {
      await storeBatch(this.#stream, batch, (waiting, outcome) => this.#settle(waiting, outcome))
    } finally {
      this.#inFlight--
      this.#schedule()
    }
  }

  #settle({ write, resolve }: Waiting, outcome: Outcome): void {
    this.#msgs -= write.msgs.length
    if (this.#goesAlone.size >= MAX_LONERS) this.#goesAlone.clear()
    if (outcome.kind === 'conflict') this.#goesAlone.add(write.subject)
    else if (outcome.kind === 'stored') this.#goesAlone.delete(write.subject)
    resolve(outcome)
  }
}

/** Takes the next batch out of a queue: in order, as many as fit, no entity twice, and loners by themselves. */
function fill(
  queue: readonly Waiting[],
  goesAlone: ReadonlySet<string>,
  maxMsgs: number,
): { batch: Waiting[]; rest: Waiting[] } {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const subjects = new Set<string>()
  let msgs = 0
  let bytes = 0
  let isFull = false
  for (const waiting of queue) {
    const { write } = waiting
    const isLoner = goesAlone.has(write.subject)
    const fits =
      batch.length === 0 ||
      (!isFull &&
        !isLoner &&
        msgs + write.msgs.length <= maxMsgs &&
        bytes + write.bytes <= MAX_BATCH_BYTES &&
        !subjects.has(write.subject))
    if (!fits) {
      rest.push(waiting)
      continue
    }
    batch.push(waiting)
    subjects.add(write.subject)
    msgs += write.msgs.length
    bytes += write.bytes
    isFull = isLoner
  }
  return { batch, rest }
}

async function storeBatch(
  stream: Stream,
  batch: readonly Waiting[],
  settle: (waiting: Waiting, outcome: Outcome) => void,
): Promise<void> {
  const { outcome, failedAt } = await sendBatch(stream, batch)
  if (outcome.kind === 'stored') return settleStored(batch, outcome.lastSeq, settle)
  const shared = batch.length > 1 && (outcome.kind === 'conflict' || outcome.kind === 'refused')
  if (!shared) {
    for (const waiting of batch) settle(waiting, outcome)
    return
  }
  const culprit = failedAt === undefined ? undefined : await findCulprit(stream, batch, failedAt)
  if (culprit === undefined) {
    const half = Math.ceil(batch.length / 2)
    await storeBatch(stream, batch.slice(0, half), settle)
    await storeBatch(stream, batch.slice(half), settle)
    return
  }
  settle(culprit, outcome)
  await storeBatch(
    stream,
    batch.filter((waiting) => waiting !== culprit),
    settle,
  )
}

/** The messages of a batch get sequences one behind the other, in the order in which they were sent. */
function settleStored(
  batch: readonly Waiting[],
  lastSeq: number,
  settle: (waiting: Waiting, outcome: Outcome) => void,
): void {
  let last = lastSeq
  for (const waiting of batch.toReversed()) {
    settle(waiting, { kind: 'stored', lastSeq: last })
    last -= waiting.write.msgs.length
  }
}

async function sendBatch({ name, wire }: Stream, batch: readonly Waiting[]): Promise<BatchOutcome> {
  const count = batch.reduce((sum, { write }) => sum + write.msgs.length, 0)
  const targets = batch.map(({ write }) => write)
  const reply = pubReply(name, await wire.requestAll(targets, outMsgs(targets, count)))
  const failedAt = reply.kind === 'error' ? Number(/: ([1-9][0-9]*)$/.exec(reply.description)?.[1]) : Number.NaN
  return { outcome: outcomeOf(reply, count), failedAt: Number.isNaN(failedAt) ? undefined : failedAt }
}

/** The messages of a batch, made one by one: the server works at the first ones meanwhile. */
function* outMsgs(writes: readonly Write[], count: number): Generator<OutMsg, void, void> {
  const id = nuid.next()
  let sequence = 0
  for (const write of writes) {
    let isFirst = true
    for (const msg of write.msgs) {
      sequence++
      // A batch costs the server some 6 ms: a single message never pays for it.
      yield outMsg(write, msg, isFirst, count === 1 ? undefined : { id, sequence, isLast: sequence === count })
      isFirst = false
    }
  }
}

/** Whose fence failed, by the message that the server has found in its place. */
async function findCulprit(stream: Stream, batch: readonly Waiting[], failedAt: number): Promise<Waiting | undefined> {
  const msg = await leaderMsg(stream, { seq: failedAt }).catch(() => undefined)
  return batch.find(({ write }) => write.subject === msg?.subject)
}
