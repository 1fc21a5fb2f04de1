import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { SLICE_COUNT } from '../log/slice.js'
import type { GroupView, Lease, LeaseStore } from './lease-store.js'
import { Waker } from './waker.js'
import { watched } from './watched.js'

/** Who works on slices. */
export interface SliceUser {
  /** Slices are this process's from now on, each under an epoch that no one before had. One that was lost may come back under the same one. */
  gained(slices: readonly HeldSlice[]): void
  /**
   * Slices are no longer this process's. `handed-over`: they are let go of once the promise settles, so work in flight may be ended first.
   * `expired`: they may be another's already; whatever is in flight must come to nothing. So may slices that were being handed over: that ends, too.
   */
  lost(slices: readonly number[], how: 'handed-over' | 'expired'): Promise<void>
}

/** A slice that this process holds. */
export interface HeldSlice {
  readonly slice: number
  readonly epoch: number
}

/** What a {@link SliceOwner} works with. */
export interface SliceOwnerOptions {
  readonly leases: LeaseStore
  readonly group: string
  readonly user: SliceUser
  readonly logger?: Logger | undefined
  /** A clock that never goes back, in milliseconds: `performance.now` by default. */
  readonly clock?: () => number
}

/** How many slices are handed over at once: those who take them over have to catch up. */
const HAND_OVER_AT_ONCE = 8
/** Heartbeats in the life of a member. */
const BEATS = 5
/** How much of a lease's time is used: the rest is for ending what is in flight. */
const USED = 0.9
/** While slices are being shared out the group is looked at so much more often. */
const EAGER = 4
/** A group that changes all the time is looked at so often at most, in parts of a beat. */
const CALM = 10

/**
 * Holds a fair share of a group's slices for this process: no more than 64 divided by the live members, rounded up. It takes what is free, and
 * hands over what is above its share, a few at a time. That it has lost them it notices by its own clock, before the store hands them on.
 */
export class SliceOwner {
  readonly #leases: LeaseStore
  readonly #group: string
  readonly #user: SliceUser
  readonly #logger: Logger | undefined
  readonly #clock: () => number
  readonly #waker = new Waker()
  /** Those that the user has. */
  readonly #held = new Map<number, number>()
  /** Those that the user was told to let go of, until they are released; with their epochs, as those that are held. */
  readonly #leaving = new Map<number, number>()
  readonly #drained = new Set<number>()
  #member: string | undefined
  /** Whether this process has more than its share, or may have more of what others have. */
  #isUneven = false
  #heldUntil = Number.NEGATIVE_INFINITY
  #expiry: NodeJS.Timeout | undefined
  #stopping = false
  #ended = false
  #stopped: Promise<void> | undefined
  readonly #running: Promise<void>

  constructor({ leases, group, user, logger, clock = () => performance.now() }: SliceOwnerOptions) {
    this.#leases = leases
    this.#group = group
    this.#user = user
    this.#logger = logger
    this.#clock = clock
    this.#running = this.#run()
  }

  /** The epoch under which a slice is held at this moment, by this process's own clock. */
  epochOf(slice: number): number | undefined {
    return this.#clock() < this.#heldUntil ? this.#held.get(slice) : undefined
  }

  /** The name under which this process is known in the group, while it is. */
  get member(): string | undefined {
    return this.#member
  }

  /** Hands all slices over, and leaves the group. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#stopping = true
    await this.#handOver([...this.#held.keys()])
    // Those that were on their way out before.
    while (this.#leaving.size > this.#drained.size) await this.#waker.changed()
    this.#ended = true
    this.#waker.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const beatMs = this.#leases.ttlMs / BEATS
    const watching = watched(this.#logger, () => this.#leases.watch?.(this.#group, () => this.#waker.wake()))
    while (!this.#ended) {
      const startedAt = this.#clock()
      try {
        await this.#turn()
      } catch (error) {
        this.#logger?.warn({ err: error }, 'the leases of slices could not be renewed')
      }
      if (this.#ended) break
      // By chance, lest all members come at once.
      await this.#waker.wait((beatMs * (0.8 + 0.4 * Math.random())) / (this.#isUneven ? EAGER : 1))
      const rest = startedAt + (beatMs * (0.5 + Math.random())) / CALM - this.#clock()
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
    }
    watching?.stop()
    clearTimeout(this.#expiry)
    await this.#leave()
  }

  async #leave(): Promise<void> {
    if (this.#member === undefined) return
    try {
      await this.#leases.leave(this.#group, this.#member)
    } catch (error) {
      this.#logger?.warn({ err: error }, 'the group could not be left: the slices are free once their lease has ended')
    }
    this.#member = undefined
  }

  async #turn(): Promise<void> {
    const view = await this.#beat()
    if (view === undefined) return
    this.#reconcile(view)
    const member = this.#member
    if (member === undefined) return
    if (this.#drained.size > 0) {
      const slices = [...this.#drained]
      await this.#leases.release(this.#group, member, slices)
      for (const slice of slices) this.#forgetLeaving(slice)
    } else if (!this.#stopping) {
      await this.#balance(view, member)
    }
  }

  /** Joins or renews. @returns nothing if this process had expired */
  async #beat(): Promise<GroupView | undefined> {
    // The store counts from when it hears of it, which is later.
    const sentAt = this.#clock()
    const member = this.#member
    if (member === undefined) {
      // A joining that failed may have been carried out: its member expires, and never was ours.
      const joining = randomUUID()
      const view = await this.#leases.join(this.#group, joining)
      this.#member = joining
      this.#prolong(sentAt)
      return view
    }
    const renewed = await this.#leases.renew(this.#group, member)
    if (renewed.kind === 'live') {
      this.#prolong(sentAt)
      return renewed.view
    }
    this.#logger?.warn('the leases of all slices have expired: this process was paused, or cut off, for too long')
    this.#member = undefined
    this.#expire()
    this.#waker.wake()
    return undefined
  }

  #prolong(sentAt: number): void {
    this.#heldUntil = sentAt + this.#leases.ttlMs * USED
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => this.#expire(), this.#heldUntil - this.#clock()).unref()
  }

  #expire(): void {
    const undrained = [...this.#leaving.keys()].filter((slice) => !this.#drained.has(slice))
    this.#lose([...this.#held.keys(), ...undrained])
    // Those on their way out are another's soon, without our doing.
    if (this.#member === undefined) for (const slice of this.#leaving.keys()) this.#forgetLeaving(slice)
  }

  #lose(slices: readonly number[]): void {
    for (const slice of slices) this.#held.delete(slice)
    if (slices.length > 0) void this.#user.lost(slices, 'expired')
  }

  /** Takes over what the store says of our slices: an answer that was lost is no harm. */
  #reconcile({ leases }: GroupView): void {
    const gained: HeldSlice[] = []
    const lost: number[] = []
    for (const { slice, epoch, owner } of leases) {
      const isOurs = owner !== undefined && owner === this.#member
      const held = this.#held.get(slice)
      if (held !== undefined && !(isOurs && held === epoch)) lost.push(slice)
      if (isOurs && held !== epoch && !this.#leaving.has(slice)) gained.push({ slice, epoch })
    }
    this.#lose(lost)
    this.#gain(gained)
  }

  #gain(slices: readonly HeldSlice[]): void {
    // What a call brings that was under way when we were stopped, leaving the group frees.
    if (slices.length === 0 || this.#stopping || this.#clock() >= this.#heldUntil) return
    for (const { slice, epoch } of slices) this.#held.set(slice, epoch)
    this.#user.gained(slices)
  }

  async #balance({ members, leases }: GroupView, member: string): Promise<void> {
    const share = Math.ceil(SLICE_COUNT / Math.max(1, members.length))
    const free = leases.filter(({ slice, owner }) => owner === undefined && !this.#leaving.has(slice))
    const has = this.#held.size + this.#leaving.size
    const surplus = this.#held.size - share
    this.#isUneven = surplus > 0 || (has < share && isCrowded(leases, share))
    if (surplus > 0) {
      // No more before the last ones have found an owner: only so many ever wait for one.
      if (this.#leaving.size > 0 || free.length > 0) return
      void this.#handOver(shuffled([...this.#held.keys()]).slice(0, Math.min(HAND_OVER_AT_ONCE, surplus)))
      return
    }
    if (free.length === 0 || has >= share) return
    const taken = await this.#leases.take(this.#group, member, shuffled(free).slice(0, share - has))
    this.#gain(taken.map(({ slice, epoch }: Lease) => ({ slice, epoch })))
  }

  /** Ends when the user has let go of them; the store hears of it with the next turn. */
  async #handOver(slices: readonly number[]): Promise<void> {
    if (slices.length === 0) return
    const epochs = new Map([...this.#held].filter(([slice]) => slices.includes(slice)))
    for (const [slice, epoch] of epochs) {
      this.#held.delete(slice)
      this.#leaving.set(slice, epoch)
    }
    try {
      await this.#user.lost(slices, 'handed-over')
    } catch (error) {
      this.#logger?.error({ err: error }, 'what was in flight when slices were handed over has failed')
    }
    // One that expired meanwhile may be on its way out anew, under another epoch.
    for (const [slice, epoch] of epochs) if (this.#leaving.get(slice) === epoch) this.#drained.add(slice)
    this.#waker.wake()
  }

  #forgetLeaving(slice: number): void {
    this.#leaving.delete(slice)
    this.#drained.delete(slice)
    this.#waker.wake()
  }
}

/** Whether somebody has more than so many. */
function isCrowded(leases: readonly Lease[], share: number): boolean {
  const counts = new Map<string, number>()
  for (const { owner } of leases) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return Math.max(0, ...counts.values()) > share
}

function shuffled<Value>(values: readonly Value[]): Value[] {
  return values
    .map((value) => ({ value, order: Math.random() }))
    .sort((left, right) => left.order - right.order)
    .map(({ value }) => value)
}
