import type { Stream } from '../stream.js'
import { Batch } from './batch.js'
import type { Outcome } from './outcome.js'
import { storeBatch, type Waiting } from './store-batch.js'
import { MAX_BATCH_MSGS, type Write } from './write.js'

// The server allows 50 for a stream, shared by all processes.
const MAX_IN_FLIGHT = 4
/** So long at most a smaller batch waits for those on their way: an answer that is lost holds nobody up. */
const MAX_HOLD_MS = 100
/** Some never come back: so many are remembered. */
const MAX_LONERS = 1_000

/** A batch that more may still join. */
interface Open {
  readonly batch: Batch
  readonly waiting: Waiting[]
}

/**
 * Stores writes as atomic batches, each shared by all that wait.
 *
 * A lone write never waits for company. A batch is sent while it is made, within one turn of the event loop: the answers to the one before
 * bring about the writes of the next, and the server works at the first of them while the last are still being thought of. A second
 * batch goes beside one that is on its way as soon as it would be as large, or that one takes long: the server answers batches that it
 * has got together together, so that halves take longer than the whole.
 *
 * A write that has conflicted goes alone until it succeeds, so that it can't fail its neighbours over and over.
 */
export class Batcher {
  readonly #stream: Stream
  readonly #goesAlone = new Set<string>()
  #queue: Waiting[] = []
  #queuedMsgs = 0
  #open: Open | undefined
  #inFlight = 0
  #msgsInFlight = 0
  #openedAt = 0
  #hold: NodeJS.Timeout | undefined

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /** Sends a write once, in company if there is any. */
  send(write: Write, onOutcome: (outcome: Outcome) => void): void {
    const waiting = { write, onOutcome }
    if (this.#open !== undefined && this.#joins(this.#open, waiting)) return
    this.#queue.push(waiting)
    this.#queuedMsgs += write.msgs.length
    this.#openNext()
  }

  #openNext(): void {
    while (this.#open === undefined && this.#isTime()) {
      const open = { batch: new Batch(this.#stream), waiting: [] }
      this.#open = open
      this.#inFlight++
      this.#openedAt = performance.now()
      this.#fill(open)
      // All that come in this turn of the event loop may join.
      setImmediate(() => this.#close(open))
    }
    if (this.#queue.length > 0 && this.#hold === undefined) {
      this.#hold = setTimeout(() => {
        this.#hold = undefined
        this.#openNext()
      }, MAX_HOLD_MS)
    }
  }

  #isTime(): boolean {
    if (this.#queue.length === 0 || this.#inFlight >= MAX_IN_FLIGHT) return false
    const isLarge = this.#queuedMsgs >= Math.min(this.#msgsInFlight, MAX_BATCH_MSGS)
    return isLarge || performance.now() - this.#openedAt >= MAX_HOLD_MS
  }

  #fill(open: Open): void {
    const queue = this.#queue
    const left: Waiting[] = []
    let next = 0
    for (; next < queue.length && this.#open === open; next++) {
      const waiting = queue[next]
      if (waiting === undefined) break
      if (this.#joins(open, waiting)) this.#queuedMsgs -= waiting.write.msgs.length
      else left.push(waiting)
    }
    this.#queue = left.concat(queue.slice(next))
  }

  #joins(open: Open, waiting: Waiting): boolean {
    const { write } = waiting
    const isLoner = this.#goesAlone.has(write.subject)
    if (isLoner ? open.batch.count > 0 : !open.batch.admits(write)) return false
    open.batch.add(write)
    open.waiting.push(waiting)
    this.#msgsInFlight += write.msgs.length
    if (isLoner || open.batch.count >= MAX_BATCH_MSGS) this.#close(open)
    return true
  }

  #close(open: Open): void {
    if (this.#open !== open) return
    this.#open = undefined
    let left = open.waiting.length
    void storeBatch(this.#stream, open.batch, open.waiting, (waiting, outcome) => {
      this.#settle(waiting, outcome)
      if (--left > 0) return
      this.#inFlight--
      this.#openNext()
    })
  }

  #settle({ write, onOutcome }: Waiting, outcome: Outcome): void {
    this.#msgsInFlight -= write.msgs.length
    if (this.#goesAlone.size >= MAX_LONERS) this.#goesAlone.clear()
    if (outcome.kind === 'conflict') this.#goesAlone.add(write.subject)
    else if (outcome.kind === 'stored') this.#goesAlone.delete(write.subject)
    onOutcome(outcome)
  }
}
