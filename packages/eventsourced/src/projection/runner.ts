import { setImmediate as nextTurn } from 'node:timers/promises'
import { asError, hasCode } from '../errors.js'
import { Waker } from '../lease/waker.js'
import { carryOut, dropForgotten, type SliceTools } from './carry-out.js'
import { checkHead, checkingOffsets } from './check-offset.js'
import { claimSlice, troubleStride } from './claim-slice.js'
import { Collector } from './collector.js'
import { Courier } from './courier.js'
import { type Item, type Stride, strideOf } from './item.js'
import type { OffsetStore } from './offset-store.js'
import { waitMs } from './on-error.js'
import type { ProjectionSetup } from './options.js'
import { Orders } from './orders.js'
import { Ownership } from './ownership.js'
import type { Order, Request } from './registry.js'
import type { SliceState } from './slice-state.js'
import { ProjectionTelemetry } from './telemetry.js'

/** How often slices without events move along, and the log is looked at, in milliseconds. */
const UPKEEP_MS = 5_000
const CLAIMS_AT_ONCE = 8
/** How long it may take until something is noticed that nobody tells of, in milliseconds. */
const IDLE_MS = 1_000
/** After how long requests leave the rest of them to the next turn, in milliseconds. */
const REQUESTS_MS = 500
const TROUBLE = { min: 50, max: 5_000, factor: 2, jitter: 0.5 }

/** What a runner works with. */
export interface RunnerOptions<Evt> {
  readonly setup: ProjectionSetup<Evt>
  readonly store: OffsetStore
  /** Told of each slice that has moved. */
  readonly onMoved: (state: SliceState) => void
}

/** A projection in one process: does one thing after another, and never two at once for the slices that it holds. */
export class Runner<Evt> {
  readonly #setup: ProjectionSetup<Evt>
  readonly #tools: SliceTools<Evt>
  readonly #waker = new Waker()
  readonly #ownership: Ownership<Evt>
  readonly #courier: Courier<Evt>
  readonly #collector: Collector<Evt>
  readonly #orders: Orders
  #upkeepAt = 0
  /** How often the store or the log has failed in a row, and when they are asked again. */
  #failures = 0
  #againAt = 0
  #ending = false
  #ended = false
  readonly #running: Promise<void>

  constructor({ setup, store, onMoved }: RunnerOptions<Evt>) {
    this.#setup = setup
    const wake = () => this.#waker.wake()
    const isToEnd = () => this.#ending || this.#orders.order !== 'run' || this.#ownership.isLeaving
    const onBegun = () => this.#collector.resume()
    this.#courier = new Courier({ setup, telemetry: new ProjectionTelemetry(setup.key), onBegun, onMoved, isToEnd })
    this.#tools = { setup, store, courier: this.#courier }
    const onExpired = (slices: readonly number[]) => {
      this.#courier.giveUp(slices, new Error('the lease of the slice has expired'))
      wake()
    }
    this.#ownership = new Ownership({ setup, leases: store.leases, onChange: wake, onExpired })
    this.#collector = new Collector({ setup, isHeld: (state) => this.#ownership.isHeld(state), onMore: wake })
    this.#orders = new Orders(store, setup.key, { logger: setup.logger, onChange: wake })
    this.#running = this.#run()
  }

  /** Ends what is in flight, hands all slices over, and leaves. */
  async stop(): Promise<void> {
    this.#ending = true
    this.#waker.wake()
    await this.#orders.stop()
    await this.#ownership.leave()
    this.#ended = true
    this.#waker.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      let sleepMs = 0
      try {
        sleepMs = await this.#turn()
      } catch (error) {
        for (const state of this.#ownership.states.values()) state.unclaim()
        this.#trouble(asError(error), 'the projection could not go on for now')
      }
      if (sleepMs > 0) await this.#waker.wait(sleepMs)
      // Timers and sockets have their turn, however quick the log and the handler are.
      await nextTurn()
    }
    this.#collector.stop()
  }

  /** Does what is to be done. @returns how long there is nothing more to do, in milliseconds */
  async #turn(): Promise<number> {
    await this.#letGo()
    const order = this.#ending ? 'stop' : this.#orders.order
    if (order === undefined || order === 'stop') {
      void this.#ownership.leave()
      return Infinity
    }
    this.#ownership.takePart()
    const now = performance.now()
    if (now < this.#againAt) return this.#againAt - now
    await this.#attempt([], () => this.#claim())
    await this.#carryOutRequests(order)
    if (order === 'pause') {
      this.#stopReading()
      await this.#attempt([], () => this.#orders.rest(this.#ownership.holder))
      return IDLE_MS
    }
    await this.#attempt([], () => this.#upkeep())
    this.#readOn()
    const isBusy = await this.#deliver()
    // It may have been nothing for the handler.
    this.#collector.resume()
    return isBusy ? 0 : this.#sleepMs()
  }

  /** Lets go of slices, with where they stand as far as that is known. */
  async #letGo(): Promise<void> {
    const { leaving } = this.#ownership
    if (leaving.length === 0) return
    const strides = this.#idleStrides().filter(({ state }) => leaving.includes(state))
    try {
      await this.#courier.move(strides)
    } catch (error) {
      this.#setup.logger.warn(
        { err: error },
        'slices are handed over with older offsets: some of their log is read again',
      )
    }
    this.#ownership.letGo(leaving)
  }

  /** Claims what is to be claimed. One that can't be, for whatever reason of its own, holds up no other. */
  async #claim(): Promise<void> {
    if (this.#unclaimed().length === 0) return
    // Who comes back after a pause must not begin anew what was removed meanwhile.
    await this.#orders.look()
    if (this.#orders.order === 'stop') return
    const check = checkingOffsets(this.#setup.evtLog, this.#setup.typeName)
    const unclaimed = this.#unclaimed()
    const failed: Error[] = []
    while (unclaimed.length > 0) {
      const some = unclaimed.splice(0, CLAIMS_AT_ONCE)
      const claims = await Promise.allSettled(some.map((state) => claimSlice(this.#tools, state, check)))
      for (const [index, claim] of claims.entries()) {
        if (claim.status === 'rejected') failed.push(this.#notClaimed(some[index], asError(claim.reason)))
      }
    }
    const [first] = failed
    if (first !== undefined && failed.length === this.#ownership.states.size) throw first
    if (first === undefined) this.#failures = 0
    await this.#courier.move(this.#ownership.in('unread').flatMap(troubleStride))
  }

  #notClaimed(state: SliceState | undefined, error: Error): Error {
    state?.unclaim(performance.now() + IDLE_MS)
    this.#setup.logger.warn({ err: error, slice: state?.slice }, 'a slice could not be claimed for now')
    return error
  }

  /** Those to be claimed now, with those that have stopped since the log lost events: it may have them again. */
  #unclaimed(): SliceState[] {
    const now = performance.now()
    const lost = this.#ownership.in('stopped').filter(({ failure }) => failure?.code === 'LOG_LOST_EVENTS')
    const unclaimed = [...this.#ownership.in('unclaimed'), ...lost]
    return unclaimed.filter((state) => state.claimAt <= now && this.#ownership.isHeld(state))
  }

  /** What is asked for next of slices of ours. While all is paused nothing is handled, neither what is parked. */
  #requests(order: Order): readonly { readonly state: SliceState; readonly request: Request }[] {
    return [...this.#ownership.states.values()].flatMap((state) => {
      const [request] = this.#orders.of(state.slice)
      if (request === undefined || state.phase === 'unclaimed' || state.phase === 'gone') return []
      return order === 'pause' && request.kind === 'retry' ? [] : [{ state, request }]
    })
  }

  async #carryOutRequests(order: Order): Promise<void> {
    if (this.#requests(order).length === 0) return
    // Those that were carried out before a slice was ours must not be again.
    await this.#attempt([], () => this.#orders.look())
    if (performance.now() < this.#againAt) return
    const startedAt = performance.now()
    const done: Request[] = []
    for (const { state, request } of this.#requests(order)) {
      await this.#attempt([state], async () => {
        if (request.id !== state.done) await carryOut(this.#tools, state, request)
      })
      if (request.id === state.done) done.push(request)
      if (performance.now() - startedAt > REQUESTS_MS) break
    }
    // Before the next one of a slice is carried out: its record names the last one only.
    await this.#attempt([], () => this.#orders.tick(done))
    this.#waker.wake()
  }

  /** Moves slices along that had no events for a while, and looks whether the log is still there. */
  async #upkeep(): Promise<void> {
    if (performance.now() < this.#upkeepAt) return
    this.#upkeepAt = performance.now() + UPKEEP_MS
    const strides = this.#idleStrides()
    try {
      await this.#courier.move(strides)
    } catch (error) {
      for (const { state } of strides) state.unclaim()
      throw error
    }
    const reading = this.#ownership.in('reading')
    try {
      await checkHead(this.#setup.evtLog, Math.max(0, ...reading.map(({ offset }) => offset.position)))
    } catch (error) {
      if (!hasCode(error, 'LOG_LOST_EVENTS')) throw error
      // Each finds out for itself, and stops.
      for (const state of reading) state.unclaim()
    }
  }

  #idleStrides(): readonly Stride[] {
    const { anchor } = this.#collector
    if (anchor === undefined) return []
    return this.#ownership
      .in('reading')
      .filter((state) => state.isUpToDate && state.offset.position < anchor.position && this.#ownership.isHeld(state))
      .map((state) => strideOf(state, { offset: anchor }))
  }

  /** Sees to it that all slices are read that are to be, by one reader. */
  #readOn(): void {
    const { error } = this.#collector
    if (error !== undefined) {
      this.#trouble(error, 'the events of the projection could not be read')
      this.#collector.stop()
      // To be claimed anew, which looks at their offsets: the log may be another one when it is back.
      for (const state of this.#ownership.in('reading')) state.unclaim()
      return
    }
    for (const state of this.#ownership.in('reading')) {
      if (state.hasOverflown && state.isOpen && state.backlog.length === 0) state.reread()
    }
    const unread = this.#ownership.in('unread')
    const states = [...unread, ...this.#ownership.in('reading')]
    const isTooWide = this.#collector.width > 2 * states.length
    if (isTooWide || unread.length > 0) this.#collector.read(states)
  }

  #stopReading(): void {
    this.#collector.stop()
    for (const state of this.#ownership.in('reading')) state.reread()
  }

  /** @returns whether there was anything to deliver */
  async #deliver(): Promise<boolean> {
    const collected = this.#collector.collect(this.#ownership.states)
    if (collected.kind === 'forgotten') {
      await this.#attempt([collected.item.state], () => this.#forget(collected.item))
      return true
    }
    const { items } = collected
    if (items.length === 0) return false
    await this.#attempt([...new Set(items.map(({ state }) => state))], () => this.#courier.carry(items))
    return true
  }

  /** Drops what is parked of an entity that was forgotten, and tells the handler. */
  async #forget(item: Item<Evt>): Promise<void> {
    await dropForgotten(this.#tools, item.state, item.stored.key.id)
    await this.#courier.carry([item])
  }

  /** Does something with slices whose records are in doubt if it fails. */
  async #attempt(states: readonly SliceState[], action: () => Promise<unknown>): Promise<void> {
    try {
      await action()
      if (states.length > 0) this.#failures = 0
    } catch (error) {
      for (const state of states) state.troubled(asError(error))
      this.#trouble(asError(error), 'the projection could not go on for now')
    }
  }

  #trouble(error: Error, what: string): void {
    this.#failures += 1
    const pauseMs = waitMs(TROUBLE, this.#failures)
    this.#againAt = performance.now() + pauseMs
    this.#setup.logger.warn({ err: error, pauseMs }, what)
  }

  #sleepMs(): number {
    const now = performance.now()
    const retries = this.#ownership
      .in('reading')
      .flatMap(({ retryAt }) => (retryAt === undefined ? [] : [retryAt - now]))
    const again = this.#againAt > now ? this.#againAt - now : Infinity
    const claims = this.#ownership.in('unclaimed').length > 0 ? IDLE_MS : Infinity
    return Math.max(1, Math.min(this.#upkeepAt - now, again, this.#collector.waitMs, claims, ...retries))
  }
}
