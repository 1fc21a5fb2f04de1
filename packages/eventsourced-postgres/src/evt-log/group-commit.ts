import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Append, hasCode, type Persisted, RefusedError, UnavailableError } from 'eventsourced'
import type { ClientBase } from 'pg'
import type { Logger } from 'pino'
import type { Database } from '../database/database.js'
import type { Bounds } from '../database/in-time.js'
import { lend } from '../database/lend.js'
import { inReadCommitted } from '../database/read-committed.js'
import { messageOf } from '../errors/read-error.js'
import { LOCK_NOT_AVAILABLE, type Meaning, meaningOf, sqlState } from '../errors/sqlstate.js'
import { measure } from './measure.js'
import { resolveConflict } from './resolve-conflict.js'
import type { EvtLogStatements } from './statements.js'
import { positionsFrom, Stored } from './stored.js'
import { Turns } from './turns.js'
import { type BatchLimits, takeBatch, takeOut, uncertain, type Waiting, WaitingAppend } from './waiting.js'
import { type EncodedBatch, encode, writeBatch, type Written } from './write-batch.js'

/** What a group commit works with. */
export interface GroupCommitOptions {
  readonly database: Database
  readonly statements: EvtLogStatements
  readonly limits: BatchLimits
  readonly maxWaitingBytes: number
  readonly appendTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly logger: Logger
}

/** An attempt gets this long even when a deadline is nearer: cut off sooner, it would leave more in doubt than it could settle. */
const MIN_ATTEMPT_MS = 1_000
const FIRST_PAUSE_MS = 25
const MAX_PAUSE_MS = 1_000

/** Tells the callers of a batch how it ended. */
type Answers = () => void

/**
 * Writes appends in batches, one batch at a time: while it commits, the next one forms. An append that comes alone goes alone, at once.
 *
 * Under load the server does not wait for callers: of many appends that wait while none is on its way a batch takes half, and the other half
 * goes before the callers of the first are answered, who call again while it is written; and so on in turns, unless other processes append, too.
 *
 * Each append ends in one of five ways: stored, conflict, refused, unavailable, uncertain. Where the answer to a batch was lost it is sent
 * again as it was, for reading back and finding nothing would prove nothing: the first try may still wait for its lock.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #queue: Waiting[] = []
  /** Connections whose server is known to hand out positions above all that are stored. */
  #aligned = new WeakSet<ClientBase>()
  readonly #resolving = new Set<Promise<void>>()
  readonly #turns = new Turns()
  /** What all appends weigh that are not answered, wherever they are. */
  #heldBytes = 0
  #running: Promise<void> | undefined
  /** Whether the last batch was a single append: then the next one is likely to be. */
  #wasAlone = false
  #pauseMs = FIRST_PAUSE_MS

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Adds an append that has passed its check. */
  add(append: Append): Promise<Persisted> {
    const { limits, maxWaitingBytes, appendTimeoutMs } = this.#options
    const measured = measure(append, limits)
    if (this.#heldBytes > 0 && this.#heldBytes + measured.heldBytes > maxWaitingBytes) {
      throw new UnavailableError(
        `${this.#heldBytes} bytes wait to be stored, and ${maxWaitingBytes} may: try again later`,
      )
    }
    return new Promise((resolve, reject) => {
      this.#queue.push(new WaitingAppend(append, measured, appendTimeoutMs, resolve, reject))
      this.#heldBytes += measured.heldBytes
      this.#running ??= this.#run()
    })
  }

  /** Waits until nothing waits any longer. */
  async drained(): Promise<void> {
    while (this.#running !== undefined || this.#resolving.size > 0)
      await Promise.all([this.#running, ...this.#resolving])
  }

  async #run(): Promise<void> {
    for (let goesAtOnce = this.#wasAlone; this.#queue.length > 0; goesAtOnce = false) {
      // Whoever was just answered, or calls in the same turn, gets into this batch: else each would be followed by a batch of one.
      if (!goesAtOnce) await nextTurn()
      let unanswered = 0
      let answer: Answers = noAnswers
      do {
        this.#dropLate()
        const maxAppends = unanswered > 0 ? Infinity : this.#turns.half(this.#queue.length)
        const batch = takeBatch(this.#queue, { ...this.#options.limits, maxAppends })
        const writing = this.#write(batch)
        // By then it is on its way.
        if (unanswered > 0) await nextTurn()
        answer()
        answer = await writing
        unanswered = batch.length
        this.#wasAlone = unanswered === 1
      } while (this.#queue.length >= this.#turns.half(unanswered + this.#queue.length))
      answer()
    }
    this.#running = undefined
  }

  /** Writes a batch, and sees to what fails of it. Those whose outcome is known at the end are told by the caller. */
  async #write(batch: readonly Waiting[]): Promise<Answers> {
    if (batch.length === 0) return noAnswers
    const bounds = boundsOf(batch)
    // The server gives up waiting before we do: cut off while it waits, the batch could be stored or not.
    const lockTimeoutMs = Math.min(this.#options.lockTimeoutMs, Math.ceil(bounds.timeoutMs - MIN_ATTEMPT_MS / 2))
    let encoded: EncodedBatch
    try {
      encoded = encode(this.#options.statements, batch, lockTimeoutMs)
    } catch (error) {
      await this.#failed(batch, 'data', error)
      return noAnswers
    }
    let sent = false
    let written: Written
    try {
      written = await this.#options.database.lendWriter(bounds, async (client) => {
        if (!this.#aligned.has(client)) await this.#align(client)
        sent = true
        return writeBatch(client, encoded)
      })
    } catch (error) {
      const meaning = meaningOf(error)
      await this.#failed(batch, meaning === 'unknown' && !sent ? 'later' : meaning, error)
      return noAnswers
    }
    this.#pauseMs = FIRST_PAUSE_MS
    this.#turns.written(
      written.firstPosition,
      batch.reduce((sum, { evtCount }) => sum + evtCount, 0),
    )
    return () => this.#answer(batch, written)
  }

  async #align(client: ClientBase): Promise<void> {
    const { statements, lockTimeoutMs, logger } = this.#options
    const [row] = await inReadCommitted(client, statements.alignPositions, [String(lockTimeoutMs)])
    const stood = row?.[0]
    if (stood != null)
      logger.warn({ stood: Number(stood) }, 'the sequence of positions had fallen behind the events, and was moved')
    this.#aligned.add(client)
  }

  #answer(batch: readonly Waiting[], { firstPosition, conflicts }: Written): void {
    let position = firstPosition
    for (const [index, waiting] of batch.entries()) {
      const { append, groups, evtCount } = waiting
      if (conflicts.has(index)) {
        this.#resolve(waiting)
      } else {
        const positions = positionsFrom(position, evtCount)
        this.#stored(waiting, new Stored(groups, append.expected.seqNo + evtCount, positions))
      }
      position += evtCount
    }
  }

  /** Finds out, beside the next batches, whose event is in an append's way. */
  #resolve(waiting: Waiting): void {
    const resolving = this.#resolved(waiting).finally(() => this.#resolving.delete(resolving))
    this.#resolving.add(resolving)
  }

  async #resolved(waiting: Waiting): Promise<void> {
    const { database, statements } = this.#options
    try {
      const stored = await lend(database.readers, boundsOf([waiting]), (client) =>
        resolveConflict(client, statements, waiting),
      )
      if (stored !== undefined) return this.#stored(waiting, stored)
      // Its position was taken: the sequence stands behind the events, and is to be moved before the append is sent again.
      this.#aligned = new WeakSet()
    } catch (error) {
      if (hasCode(error, 'CONFLICT') || hasCode(error, 'UNCERTAIN')) return this.#notStored(waiting, error)
      // Sending the append itself again will be answered alike, once the server answers.
    }
    await this.#retry([waiting])
  }

  async #failed(batch: readonly Waiting[], meaning: Meaning, error: unknown): Promise<void> {
    const message = messageOf(error)
    switch (meaning) {
      case 'data':
      case 'too-large':
      case 'full':
      case 'collision':
        return batch.length > 1 ? this.#halve(batch) : this.#failedAlone(batch, meaning, error)
      case 'forbidden':
        for (const waiting of batch) this.#refuse(waiting, new RefusedError('forbidden', message, { cause: error }))
        return
      case 'unknown':
        this.#options.logger.warn(
          { appends: batch.length, error: message },
          'the answer to a batch was lost: it is sent again',
        )
        for (const waiting of batch) waiting.maybeStored = true
        return this.#retry(batch)
      case 'no-schema':
      case 'isolation':
      case 'later': {
        const unavailable = new UnavailableError(`nothing was stored: ${message}`, { cause: error })
        if (sqlState(error) === LOCK_NOT_AVAILABLE) this.#failLongest(unavailable)
        for (const waiting of batch) if (!waiting.maybeStored) this.#notStored(waiting, unavailable)
        return this.#retry(batch.filter(({ maybeStored }) => maybeStored))
      }
    }
  }

  /** So that an append that can't be stored fails alone. */
  async #halve(batch: readonly Waiting[]): Promise<void> {
    const middle = batch.length >> 1
    for (const part of [batch.slice(0, middle), batch.slice(middle)]) {
      const answer = await this.#write(part)
      answer()
    }
  }

  #failedAlone([waiting]: readonly Waiting[], meaning: Meaning, error: unknown): void {
    if (waiting === undefined) return
    if (meaning === 'collision') {
      // Somebody has inserted without the lock, or has moved the sequence back.
      this.#resolve(waiting)
      return
    }
    const reason = meaning === 'full' ? 'full' : meaning === 'too-large' ? 'too-large' : 'bad-input'
    this.#refuse(waiting, new RefusedError(reason, messageOf(error), { cause: error }))
  }

  #refuse(waiting: Waiting, refused: RefusedError): void {
    this.#notStored(waiting, waiting.maybeStored ? uncertain(waiting, refused) : refused)
  }

  async #retry(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return
    await this.#pause()
    for (const waiting of batch.toReversed()) this.#again(waiting)
  }

  #again(waiting: Waiting): void {
    this.#queue.unshift(waiting)
    this.#running ??= this.#run()
  }

  async #pause(): Promise<void> {
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
    await sleep(pauseMs * (0.5 + Math.random() / 2))
  }

  #dropLate(): void {
    const now = performance.now()
    const late = takeOut(this.#queue, ({ deadline }) => deadline <= now)
    if (late.length === 0) return
    const { appendTimeoutMs } = this.#options
    const unavailable = new UnavailableError(
      `nothing was stored within ${appendTimeoutMs} ms: the database is too slow`,
    )
    for (const waiting of late) this.#notStored(waiting, waiting.maybeStored ? uncertain(waiting) : unavailable)
  }

  /** Where somebody holds a lock: those that have waited for as long as an append may wait for one need not wait for it once more. */
  #failLongest(unavailable: UnavailableError): void {
    const before = performance.now() - this.#options.lockTimeoutMs
    const longest = takeOut(this.#queue, ({ since, maybeStored }) => since <= before && !maybeStored)
    for (const waiting of longest) this.#notStored(waiting, unavailable)
  }

  #stored(waiting: Waiting, persisted: Persisted): void {
    this.#heldBytes -= waiting.heldBytes
    waiting.resolve(persisted)
  }

  #notStored(waiting: Waiting, error: Error): void {
    this.#heldBytes -= waiting.heldBytes
    waiting.reject(error)
  }
}

function noAnswers(): void {}

function boundsOf(batch: readonly Waiting[]): Bounds {
  let first = Infinity
  for (const { deadline } of batch) first = Math.min(first, deadline)
  return { timeoutMs: Math.max(MIN_ATTEMPT_MS, first - performance.now()) }
}
