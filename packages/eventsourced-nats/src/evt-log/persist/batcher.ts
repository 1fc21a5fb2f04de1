import type { Stream } from '../stream.js'
import { Batch } from './batch.js'
import type { Outcome } from './outcome.js'
import { storeBatch, type Waiting } from './store-batch.js'
import { MAX_BATCH_MSGS, type Write } from './write.js'

/** So long at most a smaller batch waits for those on their way: an answer that is lost holds nobody up. */
const MAX_HOLD_MS = 100

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
 */
export class Batcher {
  readonly #stream: Stream
  readonly #maxInFlight: number
  #queue: Waiting[] = []
  #queuedMsgs = 0
  #open: Open | undefined
  #inFlight = 0
  #msgsInFlight = 0
  #openedAt = 0
  #hold: NodeJS.Timeout | undefined

  constructor(stream: Stream, maxInFlight: number) {
    this.#stream = stream
    this.#maxInFlight = maxInFlight
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
    if (this.#queue.length === 0 || this.#inFlight >= this.#maxInFlight) return false
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
    if (!open.batch.admits(write)) return false
    open.batch.add(write)
    open.waiting.push(waiting)
    this.#msgsInFlight += write.msgs.length
    if (open.batch.count >= MAX_BATCH_MSGS) this.#close(open)
    return true
  }

  #close(open: Open): void {
    if (this.#open !== open) return
    this.#open = undefined
    let left = open.waiting.length
    void storeBatch(this.#stream, open.batch, open.waiting, (waiting, outcome) => {
      this.#msgsInFlight -= waiting.write.msgs.length
      waiting.onOutcome(outcome)
      if (--left > 0) return
      this.#inFlight--
      this.#openNext()
    })
  }
}
