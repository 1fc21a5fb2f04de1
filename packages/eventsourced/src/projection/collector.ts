import { isForgotten } from '../entity/forgotten.js'
import type { PersistedEvt } from '../log/evt-log.js'
import { Intake } from './intake.js'
import { freshFateOf, Item, offsetAt } from './item.js'
import type { Offset } from './offset-store.js'
import type { ProjectionSetup } from './options.js'
import type { SliceState } from './slice-state.js'

/** How many events of a slice that is held back are kept; more are read again later. */
const MAX_BACKLOG = 64
/** And how many bytes: those of all slices are as many as are read ahead. */
const MAX_BACKLOG_BYTES = 256 * 1_024

/** What goes next. */
export type Collected<Evt> =
  | { readonly kind: 'items'; readonly items: readonly Item<Evt>[] }
  /** The mark that an entity was forgotten goes alone, since it changes what becomes of events behind it. */
  | { readonly kind: 'forgotten'; readonly item: Item<Evt> }

/** What a collector works with. */
export interface CollectorOptions<Evt> {
  readonly setup: ProjectionSetup<Evt>
  /** Whether a slice is still ours. */
  readonly isHeld: (state: SliceState) => boolean
  /** Called when there may be more to collect. */
  readonly onMore: () => void
}

/** Reads the events of all slices with one reader, and makes batches of them. */
export class Collector<Evt> {
  readonly #setup: ProjectionSetup<Evt>
  readonly #isHeld: (state: SliceState) => boolean
  readonly #onMore: () => void
  #intake: Intake<Evt> | undefined
  #width = 0
  #taken: PersistedEvt | undefined

  constructor({ setup, isHeld, onMore }: CollectorOptions<Evt>) {
    this.#setup = setup
    this.#isHeld = isHeld
    this.#onMore = onMore
  }

  /** The last event that was taken from the reader: no slice that is read has an event before it that was not taken. */
  get anchor(): Offset | undefined {
    return this.#taken && offsetAt(this.#taken)
  }

  /** Why the reading has failed. */
  get error(): Error | undefined {
    return this.#intake?.error
  }

  /** How many slices are read. */
  get width(): number {
    return this.#width
  }

  /** Reads these slices, and no others, from where the last one of them stands: the others pass over what they had. */
  read(states: readonly SliceState[]): void {
    this.stop()
    if (states.length === 0) return
    this.#width = states.length
    for (const state of states) state.phase = 'reading'
    const { evtLog, typeName, bounds, decode } = this.#setup
    const after = Math.min(...states.map(({ seen }) => seen))
    const { maxEvts } = bounds
    this.#intake = new Intake({ evtLog, typeName, after, states, decode, maxEvts, onMore: this.#onMore })
  }

  stop(): void {
    this.#intake?.stop()
    this.#intake = undefined
    this.#width = 0
    this.#taken = undefined
  }

  /** Reads on, if there is room again: what was collected is on its way, or done. */
  resume(): void {
    this.#intake?.resume()
  }

  /** How long to wait before what is there makes a batch, in milliseconds; `Infinity` if nothing is there. */
  get waitMs(): number {
    const { maxWaitMs } = this.#setup.bounds
    const intake = this.#intake
    if (intake === undefined || intake.size === 0) return Infinity
    // It may be full of large events, too.
    if (intake.isFull) return 0
    return intake.isFlowing ? Infinity : Math.max(0, intake.filledAt + maxWaitMs - performance.now())
  }

  /** What goes next; no items if there are none, or too few for now. */
  collect(slices: ReadonlyMap<number, SliceState>): Collected<Evt> {
    for (const state of slices.values()) {
      const suspect = this.#suspectOf(state)
      if (suspect !== undefined) return this.#one(state, suspect)
    }
    const items: Item<Evt>[] = []
    while (items.length < this.#setup.bounds.maxEvts) {
      const { state, evt } = oldestKept(slices) ?? {}
      if (state === undefined || evt === undefined) break
      if (isForgotten(evt) && items.length > 0) return { kind: 'items', items }
      state.backlog.shift()
      if (isForgotten(evt)) return this.#one(state, evt)
      items.push(this.#itemOf(state, evt))
    }
    return this.waitMs === 0 ? this.#fromReader(items) : { kind: 'items', items }
  }

  #fromReader(items: Item<Evt>[]): Collected<Evt> {
    const intake = this.#intake
    if (intake === undefined) return { kind: 'items', items }
    const { maxEvts } = this.#setup.bounds
    // No time passes meanwhile.
    const held = new Set<SliceState>()
    const isHeld = (state: SliceState) => held.has(state) || (this.#isHeld(state) && held.add(state).size > 0)
    while (items.length < maxEvts) {
      const item = intake.peek()
      if (item === undefined) break
      const { state, stored } = item
      const goesNow = wants(state, stored, isHeld) && !this.#isKept(state, stored)
      if (goesNow && item.fate.kind === 'forget' && items.length > 0) break
      intake.take()
      this.#taken = stored
      if (!goesNow) continue
      state.seen = stored.position
      if (item.fate.kind === 'forget') return { kind: 'forgotten', item }
      items.push(item)
    }
    return { kind: 'items', items }
  }

  /** The event to be tried again that goes alone, if its time has come: whether it fails must be nobody else's business. */
  #suspectOf(state: SliceState): PersistedEvt | undefined {
    const { phase, retryAt } = state
    if (phase !== 'reading' || retryAt === undefined || retryAt > performance.now()) return undefined
    state.retryAt = undefined
    return state.backlog.shift()
  }

  #one(state: SliceState, evt: PersistedEvt): Collected<Evt> {
    const item = this.#itemOf(state, evt)
    return isForgotten(evt) ? { kind: 'forgotten', item } : { kind: 'items', items: [item] }
  }

  #itemOf(state: SliceState, evt: PersistedEvt): Item<Evt> {
    return new Item(state, evt, freshFateOf(evt, this.#setup.decode))
  }

  /** Keeps an event whose slice is held back. */
  #isKept(state: SliceState, evt: PersistedEvt): boolean {
    if (state.isOpen && state.backlog.length === 0) return false
    if (state.backlog.length < MAX_BACKLOG && bytesOf(state.backlog) + evt.bytes.byteLength <= MAX_BACKLOG_BYTES) {
      state.backlog.push(evt)
      state.seen = evt.position
    } else {
      state.hasOverflown = true
    }
    return true
  }
}

function bytesOf(evts: readonly PersistedEvt[]): number {
  return evts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
}

/** Whether a slice is read, and has not had the event before. */
function wants(state: SliceState, evt: PersistedEvt, isHeld: (state: SliceState) => boolean): boolean {
  if (state.phase !== 'reading' || evt.position <= state.seen || state.hasOverflown) return false
  if (isHeld(state)) return true
  // What is passed over now must be read again, should the slice still turn out to be ours.
  state.unclaim()
  return false
}

/** The oldest event that waits in the backlog of a slice that goes on: none waits for long because of others'. */
function oldestKept(
  slices: ReadonlyMap<number, SliceState>,
): { readonly state: SliceState; readonly evt: PersistedEvt } | undefined {
  let oldest: { readonly state: SliceState; readonly evt: PersistedEvt } | undefined
  for (const state of slices.values()) {
    const [evt] = state.backlog
    if (evt === undefined || !state.isOpen) continue
    if (oldest === undefined || evt.position < oldest.evt.position) oldest = { state, evt }
  }
  return oldest
}
