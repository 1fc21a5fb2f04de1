import { setImmediate as nextTurn } from 'node:timers/promises'
import { asError } from '../errors.js'
import type { EvtLog, PersistedEvt } from '../log/evt-log.js'
import { pagesOf } from '../log/paged.js'
import { SLICE_COUNT, sliceOf } from '../log/slice.js'
import { freshFateOf, Item } from './item.js'
import type { SliceState } from './slice-state.js'

/** What is read, and how far ahead. */
export interface IntakeOptions<Evt> {
  readonly evtLog: EvtLog
  readonly typeName: string
  readonly after: number
  /** The slices that are read. */
  readonly states: readonly SliceState[]
  readonly decode: (evt: PersistedEvt) => Evt
  /** How many events are read ahead at most: a batch that is made up while another is delivered. What waits longer outlives its garbage collection. */
  readonly maxEvts: number
  /** Called when there is something and no more comes right away, when it is full, or when the reading has failed. */
  readonly onMore: () => void
}

/** How many bytes are read ahead: more only if a single event has more. */
const MAX_BYTES = 16 * 1_048_576
/** After how many events sockets have their turn. A log that has a page at hand gives it without a pause, and the delivery under way would wait for all of it. */
const EVTS_A_TURN = 32
/** For how long events that come one right after another are gathered, in milliseconds: some thousand take as long. */
const MAX_FLOW_MS = 5

/**
 * Reads the events of a type ahead of those who handle them, within bounds: what a projection keeps in memory does not depend on its lag. Each is decoded at
 * once, while the batch before it is delivered, which has the time; its fate is what becomes of it if nothing of its entity is parked.
 */
export class Intake<Evt> {
  readonly #options: IntakeOptions<Evt>
  readonly #abort = new AbortController()
  #items: Item<Evt>[] = []
  #next = 0
  #bytes = 0
  #resume: (() => void) | undefined
  #error: Error | undefined
  #filledAt = 0
  /** How many events came in all. */
  #count = 0
  #isFlowing = false

  constructor(options: IntakeOptions<Evt>) {
    this.#options = options
    void this.#read()
  }

  /** How many events wait. */
  get size(): number {
    return this.#items.length - this.#next
  }

  /** Whether nothing more is read before something is taken. */
  get isFull(): boolean {
    return this.#resume !== undefined
  }

  /** Whether more comes right away: `onMore` tells when that is over. */
  get isFlowing(): boolean {
    return this.#isFlowing
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
  peek(): Item<Evt> | undefined {
    return this.#items[this.#next]
  }

  /** Takes the next event. */
  take(): void {
    const item = this.peek()
    if (item === undefined) return
    this.#next += 1
    this.#bytes -= item.stored.bytes.byteLength
    const { maxEvts } = this.#options
    // What was taken is let go of now and then, also where there is always something left.
    if (this.#next === this.#items.length || this.#next >= maxEvts) {
      this.#items = this.#items.slice(this.#next)
      this.#next = 0
    }
  }

  /**
   * Reads on, if there is room again; not before what was taken is on its way: where reading gives others work, too, they would have the processors meanwhile.
   */
  resume(): void {
    // Half-way, lest the reader be woken for each event.
    if (this.size <= this.#options.maxEvts / 2 && this.#bytes <= MAX_BYTES / 2) this.#goOn()
  }

  /** Ends the reading, and forgets what was read. */
  stop(): void {
    this.#abort.abort()
    this.#items = []
    this.#next = 0
    this.#bytes = 0
    this.#goOn()
  }

  async #read(): Promise<void> {
    const { evtLog, typeName, after, states, maxEvts, onMore } = this.#options
    const { signal } = this.#abort
    const slices = states.map(({ slice }) => slice)
    const stateOf = statesById(states)
    try {
      const slice = slices.length === SLICE_COUNT ? {} : { slice: slices }
      for await (const page of pagesOf(evtLog.evtsByType(typeName, { after, ...slice, live: true, signal }))) {
        for (const evt of page) {
          if (signal.aborted) return
          const state = stateOf(evt.key.id)
          if (state === undefined) continue
          this.#add(state, evt)
          if (this.size >= maxEvts || this.#bytes >= MAX_BYTES) {
            const room = this.#room()
            onMore()
            await room
          }
          if (this.#count % EVTS_A_TURN === 0) await nextTurn()
        }
      }
      throw new Error('the live read has ended')
    } catch (error) {
      if (signal.aborted) return
      this.#error = asError(error)
      onMore()
    }
  }

  #add(state: SliceState, stored: PersistedEvt): void {
    if (this.size === 0) this.#filledAt = performance.now()
    this.#items.push(new Item(state, stored, freshFateOf(stored, this.#options.decode)))
    this.#bytes += stored.bytes.byteLength
    this.#count += 1
    if (!this.#isFlowing) this.#flow()
  }

  /** What is there goes on its way once a turn brings nothing more: a log that has more at hand would make small batches of it. */
  #flow(): void {
    const until = performance.now() + MAX_FLOW_MS
    const look = (seen: number) => {
      if (this.#count > seen && performance.now() < until) return void setImmediate(look, this.#count)
      this.#isFlowing = false
      if (!this.#abort.signal.aborted) this.#options.onMore()
    }
    this.#isFlowing = true
    setImmediate(look, this.#count - 1)
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  #goOn(): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume !== undefined) setImmediate(resume)
  }
}

/** Finds the slices of entities. Of events that were stored together the entity is mostly the same. */
function statesById(states: readonly SliceState[]): (id: string) => SliceState | undefined {
  const bySlice = new Map(states.map((state) => [state.slice, state]))
  let last: string | undefined
  let state: SliceState | undefined
  return (id) => {
    if (id === last) return state
    last = id
    state = bySlice.get(sliceOf(id))
    return state
  }
}
