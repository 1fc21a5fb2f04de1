import { asError, type EventSourcedError } from '../errors.js'
import { makeBatch } from './batch.js'
import { isHandlerError } from './handler-error.js'
import { failureOf, freshFateOf, isTooNew, Item, parkBehind, type Stride, strideOf, stridesOf } from './item.js'
import { type Load, loadOf, NOTHING } from './load.js'
import { isUnstorable, type Move, type ParkedEvt } from './offset-store.js'
import { type FailedEvt, type Verdict, verdictOf } from './on-error.js'
import type { ProjectionSetup } from './options.js'
import { settled } from './settled.js'
import type { SliceState } from './slice-state.js'
import type { ProjectionTelemetry } from './telemetry.js'

/** How many events are parked by one move at most: every store takes so many at once. */
const PARKED_AT_ONCE = 500
const OUTCOMES = { again: 'failed', stop: 'failed', skip: 'skipped', park: 'parked' } as const

/** What a courier works with. */
export interface CourierOptions<Evt> {
  readonly setup: ProjectionSetup<Evt>
  readonly telemetry: ProjectionTelemetry
  /** Called each time the handler has begun. */
  readonly onBegun: () => void
  /** Told of each slice that was moved. */
  readonly onMoved: (state: SliceState) => void
  /** Whether what is not handled yet is to be left for later. */
  readonly isToEnd: () => boolean
}

/**
 * Brings events to the handler, and sees to those that fail: a batch falls apart until the event is found that can't be handled. All that it can't
 * see to is thrown, and then the records of the slices are in doubt.
 */
export class Courier<Evt> {
  readonly #setup: ProjectionSetup<Evt>
  readonly #telemetry: ProjectionTelemetry
  readonly #onBegun: () => void
  readonly #onMoved: (state: SliceState) => void
  readonly #isToEnd: () => boolean
  #underWay: { readonly slices: ReadonlySet<number>; readonly abort: AbortController } | undefined

  constructor({ setup, telemetry, onBegun, onMoved, isToEnd }: CourierOptions<Evt>) {
    this.#setup = setup
    this.#telemetry = telemetry
    this.#onBegun = onBegun
    this.#onMoved = onMoved
    this.#isToEnd = isToEnd
  }

  /** Gives the delivery that is under way up if it has one of the slices. */
  giveUp(slices: readonly number[], reason: Error): void {
    const underWay = this.#underWay
    if (underWay !== undefined && slices.some((slice) => underWay.slices.has(slice))) underWay.abort.abort(reason)
  }

  /**
   * Delivers events in their order, and decides on those that can't be handled. Some may be left for later: their slices keep them.
   *
   * @returns whether none was left
   * @throws the store's failure, or the reason why it was given up
   */
  async carry(all: readonly Item<Evt>[]): Promise<boolean> {
    if (this.#isToEnd()) return leave(all)
    const items = all.filter((item) => this.#goesOn(item))
    // Also what is left of a batch that fell apart: another one of the entity may have been parked out of it.
    for (const item of items) parkBehind(item)
    const broken = items.findIndex(({ fate }) => fate.kind === 'broken')
    if (broken >= 0) return this.#around(items, broken, false)
    if (items.length === 0) return true
    if (items.filter(({ fate }) => fate.kind === 'park').length > PARKED_AT_ONCE) return this.#inHalves(items)
    let done: readonly Item<Evt>[] = items
    const error = await this.#try(loadOf(items), stridesOf(items), (handled) => {
      done = upTo(items, handled)
      return stridesOf(done)
    })
    if (error === undefined) {
      this.#count(done)
      return leave(items.slice(done.length))
    }
    const culprit = culpritOf(items, error)
    this.#renew(items)
    if (culprit === undefined) return this.#inHalves(items)
    const at = items.indexOf(culprit)
    culprit.fate = { kind: 'broken', error, isUndecodable: false }
    // Without a transaction what was handled before it stays handled.
    const isHandledBefore = isHandlerError(error) && error.index !== undefined
    return this.#around(items, at, isHandledBefore && !this.#setup.delivery.rollsBack)
  }

  /** What a handler was given it may have changed: what is tried again is decoded anew. */
  #renew(items: readonly Item<Evt>[]): void {
    for (const item of items) {
      if (item.fate.kind === 'handle') item.fate = freshFateOf(item.stored, this.#setup.decode)
    }
  }

  async #inHalves(items: readonly Item<Evt>[]): Promise<boolean> {
    const middle = Math.ceil(items.length / 2)
    const rest = items.slice(middle)
    return (await this.carry(items.slice(0, middle))) ? this.carry(rest) : leave(rest)
  }

  /** Delivers what is before an event that failed, decides on that one, and delivers the rest. */
  async #around(items: readonly Item<Evt>[], at: number, isHandledBefore: boolean): Promise<boolean> {
    const before = items.slice(0, at)
    const isMoved = isHandledBefore && at > 0 && (await this.#try(NOTHING, stridesOf(before))) === undefined
    if (isMoved) this.#count(before)
    // What is left goes first: nothing may be decided on that comes after it.
    else if (!(await this.carry(before))) return leave(items.slice(at))
    const culprit = items[at]
    if (culprit === undefined) return true
    const rest = items.slice(at + 1)
    if (this.#goesOn(culprit)) await this.#decide(culprit)
    return this.carry(culprit.fate.kind === 'broken' ? rest : [culprit, ...rest])
  }

  /** Whether an event's slice was not stopped by one before it. One that waits meanwhile waits behind that. */
  #goesOn(item: Item<Evt>): boolean {
    const { state } = item
    if (!state.isOpen) leave([item])
    return state.isOpen
  }

  async #decide(culprit: Item<Evt>): Promise<void> {
    const { state, stored, fate } = culprit
    if (fate.kind !== 'broken') return
    const attempts = state.attempts + 1
    const { verdict, error } = this.#judge({ ...fate, attempts })
    const failure = failureOf(error, attempts, verdict.kind === 'stop')
    const about = { ...stored.key, seqNo: stored.seqNo, position: stored.position, attempts, verdict, err: error }
    this.#setup.logger[verdict.kind === 'again' ? 'warn' : 'error'](about, 'an event could not be handled')
    this.#telemetry.evts(OUTCOMES[verdict.kind], 1)
    switch (verdict.kind) {
      case 'again': {
        state.attempts += 1
        state.keep(stored)
        state.retryAt = performance.now() + verdict.afterMs
        return this.move([strideOf(state, { failure })])
      }
      case 'stop':
        state.stop()
        return this.move([strideOf(state, { failure })])
      case 'skip':
        state.attempts = 0
        culprit.fate = { kind: 'pass' }
        return
      case 'park':
        state.attempts = 0
        culprit.fate = { kind: 'park', failure }
        state.parkedIds.add(stored.key.id)
        return
    }
  }

  /** What becomes of an event, and why: no verdict can help where this code is too old, or the store can't keep what there is to keep. */
  #judge({ error, attempts, isUndecodable }: FailedEvt): { readonly verdict: Verdict; readonly error: Error } {
    if (isTooNew(error) || isUnstorable(error)) return { verdict: { kind: 'stop' }, error }
    try {
      return { verdict: verdictOf(this.#setup.onError, { error, attempts, isUndecodable }), error }
    } catch (failed) {
      return { verdict: { kind: 'stop' }, error: asError(failed) }
    }
  }

  /** Moves slices without handling anything. @throws the store's failure */
  async move(strides: readonly Stride[]): Promise<void> {
    if (strides.length > 0) await this.#deliver(NOTHING, strides)
  }

  /** Handles a parked event, and takes it out. @returns why that failed, which is noted with the event. @throws the store's failure */
  async retryParked(state: SliceState, { evt: stored }: ParkedEvt): Promise<Error | undefined> {
    const item = new Item(state, stored, freshFateOf(stored, this.#setup.decode))
    const unparking = strideOf(state, { unpark: [stored.position] })
    const error = item.fate.kind === 'broken' ? item.fate.error : await this.#try(loadOf([item]), [unparking])
    if (error === undefined) {
      this.#telemetry.evts('handled', 1)
      return undefined
    }
    this.#telemetry.evts('failed', 1)
    const unnoted = await this.#try(NOTHING, [
      strideOf(state, { park: [{ evt: stored, failure: failureOf(error, 1, false) }] }),
    ])
    if (unnoted !== undefined)
      this.#setup.logger.warn({ err: unnoted }, 'why a parked event failed again could not be kept')
    return error
  }

  /** @returns why these events can't be handled, or these slices can't move, however often it is tried. @throws the store's failure, or the reason why it was given up */
  async #try(load: Load<Evt>, strides: readonly Stride[], onEnded?: OnEnded): Promise<EventSourcedError | undefined> {
    try {
      await this.#deliver(load, strides, onEnded)
      return undefined
    } catch (error) {
      if (isHandlerError(error) || isUnstorable(error)) return error
      throw error
    }
  }

  /** @throws {HandlerError}, the store's failure, or the reason why it was given up */
  async #deliver(load: Load<Evt>, all: readonly Stride[], onEnded: OnEnded = () => all): Promise<void> {
    const { key: projection, delivery, handlerTimeoutMs: timeoutMs } = this.#setup
    const abort = new AbortController()
    let strides = all
    let count = load.evts.length
    const batch = makeBatch({
      projection,
      ...load,
      moves: movesOf(all),
      isToEnd: this.#isToEnd,
      onBegun: this.#onBegun,
      onEnded: (handled) => {
        count = handled
        strides = onEnded(handled)
        return movesOf(strides)
      },
      abort,
      timeoutMs,
    })
    this.#underWay = { slices: new Set(all.map(({ state }) => state.slice)), abort }
    try {
      await this.#telemetry.batch(batch, async () => {
        const { moved } = await settled(delivery.deliver(batch), abort.signal)
        for (const { state, move } of strides) this.#settle(state, move, moved.get(move.slice))
        return count
      })
    } finally {
      this.#underWay = undefined
    }
  }

  #settle(state: SliceState, move: Move, revision: number | undefined): void {
    if (revision === undefined) {
      // Fenced off, or left aside since another slice was: how it stands, a new claim tells.
      state.unclaim()
    } else {
      state.moved(move, revision)
      this.#onMoved(state)
    }
  }

  #count(items: readonly Item<Evt>[]): void {
    const handled = items.filter(({ fate }) => fate.kind === 'handle' || fate.kind === 'forget').length
    const behind = items.filter(({ fate }) => fate.kind === 'park' && fate.failure === undefined).length
    this.#telemetry.evts('handled', handled)
    this.#telemetry.evts('parked', behind)
  }
}

/** Leaves events for later: their slices keep them, unless they are read again anyway. @returns whether there are none */
function leave<Evt>(items: readonly Item<Evt>[]): boolean {
  for (const { state, stored, fate } of items) {
    // It counts as parked, and those of its entity behind it, but was not: how that stands, a new claim tells.
    if (fate.kind === 'park' && fate.failure !== undefined) state.unclaim()
    if (state.phase === 'reading') state.keep(stored)
  }
  return items.length === 0
}

/** The items before the first event that is not handled, if so many are. */
function upTo<Evt>(items: readonly Item<Evt>[], handled: number): readonly Item<Evt>[] {
  const next = items.filter(({ fate }) => fate.kind === 'handle')[handled]
  return next === undefined ? items : items.slice(0, items.indexOf(next))
}

/** How far slices have come where only so many events are handled. */
type OnEnded = (handled: number) => readonly Stride[]

function movesOf(strides: readonly Stride[]): readonly Move[] {
  return strides.map(({ move }) => move)
}

/** The event that is to blame; nothing where only smaller parts of the batch can tell. */
function culpritOf<Evt>(items: readonly Item<Evt>[], error: EventSourcedError): Item<Evt> | undefined {
  if (items.length === 1) return items[0]
  if (!isHandlerError(error)) return undefined
  const handled = items.filter(({ fate }) => fate.kind === 'handle')
  return handled.length === 1 ? handled[0] : error.index === undefined ? undefined : handled[error.index]
}
