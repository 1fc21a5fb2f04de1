import { setImmediate as nextTurn } from 'node:timers/promises'
import { asError } from '../errors.js'
import type { EvtLog, PersistedEvt } from '../log/evt-log.js'
import { type Fate, freshFateOf } from './item.js'
import { SLICE_COUNT } from '../log/slice.js'

/** What is read, and how far ahead. */
export interface IntakeOptions<Evt> {
  readonly evtLog: EvtLog
  readonly typeName: string
  readonly after: number
  readonly slices: readonly number[]
  readonly decode: (evt: PersistedEvt) => Evt
  /** How many events make a batch. */
  readonly batchEvts: number
  /** How many events are read ahead at most. */
  readonly maxEvts: number
  /** Called when there is something again, when there is a batch, or when the reading has failed. */
  readonly onMore: () => void
}

/** How many bytes are read ahead: more only if a single event has more. */
const MAX_BYTES = 16 * 1_048_576
/** After how many events sockets have their turn. A log that has a page at hand gives it without a pause, and the delivery under way would wait for all of it. */
const EVTS_A_TURN = 128

/** An event that waits. It is decoded while the batch before it is delivered, which has the time. */
export interface ReadEvt<Evt> {
  readonly stored: PersistedEvt
  /** What becomes of it if nothing of its entity is parked. */
  readonly fate: Fate<Evt>
}

/** Reads the events of a type ahead of those who handle them, within bounds: what a projection keeps in memory does not depend on its lag. */
export class Intake<Evt> {
  readonly #options: IntakeOptions<Evt>
  readonly #abort = new AbortController()
  #evts: ReadEvt<Evt>[] = []
  #next = 0
  #bytes = 0
  #resume: (() => void) | undefined
  #error: Error | undefined
  #filledAt = 0

  constructor(options: IntakeOptions<Evt>) {
    this.#options = options
    void this.#read()
  }

  /** How many events wait. */
  get size(): number {
    return this.#evts.length - this.#next
  }

  /** Whether nothing more is read before something is taken. */
  get isFull(): boolean {
    return this.#resume !== undefined
  }

  /** When the oldest that waits came, or a later one before it was taken, by `performance.now`. */
  get filledAt(): number {
    return this.#filledAt
  }

  /** Why the reading has ended. What was read before may still be taken. */
  get error(): Error | undefined {
    return this.size === 0 ? this.#error : undefined
  }

  /** The next event; nothing if there is none for now. */
  peek(): ReadEvt<Evt> | undefined {
    return this.#evts[this.#next]
  }

  /** Takes the next event. */
  take(): ReadEvt<Evt> | undefined {
    const evt = this.peek()
    if (evt === undefined) return undefined
    this.#next += 1
    this.#bytes -= evt.stored.bytes.byteLength
    if (this.#next === this.#evts.length) this.#clear()
    else if (this.#next >= this.#options.maxEvts) this.#letGoOfTaken()
    // Half-way, lest the reader be woken for each event.
    if (this.#resume !== undefined && this.size <= this.#options.maxEvts / 2 && this.#bytes <= MAX_BYTES / 2)
      this.#goOn()
    return evt
  }

  /** Ends the reading, and forgets what was read. */
  stop(): void {
    this.#abort.abort()
    this.#clear()
    this.#goOn()
  }

  async #read(): Promise<void> {
    const { evtLog, typeName, after, slices, decode, batchEvts, maxEvts, onMore } = this.#options
    const { signal } = this.#abort
    let turn = 0
    try {
      const slice = slices.length === SLICE_COUNT ? {} : { slice: slices }
      for await (const evt of evtLog.evtsByType(typeName, { after, ...slice, live: true, signal })) {
        if (signal.aborted) return
        if (this.size === 0) {
          this.#filledAt = performance.now()
          onMore()
        }
        this.#evts.push({ stored: evt, fate: freshFateOf(evt, decode) })
        this.#bytes += evt.bytes.byteLength
        if (this.size === batchEvts) onMore()
        if (this.size >= maxEvts || this.#bytes >= MAX_BYTES) {
          const room = this.#room()
          onMore()
          await room
        }
        turn = (turn + 1) % EVTS_A_TURN
        if (turn === 0) await nextTurn()
      }
      throw new Error('the live read has ended')
    } catch (error) {
      if (signal.aborted) return
      this.#error = asError(error)
      onMore()
    }
  }

  /** What was taken is let go of now and then, also where there is always something left. */
  #letGoOfTaken(): void {
    this.#evts = this.#evts.slice(this.#next)
    this.#next = 0
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  #goOn(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  #clear(): void {
    this.#evts = []
    this.#next = 0
    this.#bytes = 0
  }
}
