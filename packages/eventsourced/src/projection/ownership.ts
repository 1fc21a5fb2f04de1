import { type HeldSlice, SliceOwner, type SliceUser } from '../lease/slice-owner.js'
import type { LeaseStore } from '../lease/lease-store.js'
import type { ProjectionSetup } from './options.js'
import { groupOf } from './projection-key.js'
import { SliceState } from './slice-state.js'

/** What ownership works with. */
export interface OwnershipOptions<Evt> {
  readonly setup: ProjectionSetup<Evt>
  readonly leases: LeaseStore
  /** Called when slices come, or are to be let go of. */
  readonly onChange: () => void
  /** Told of slices that may be another's already: what is in flight for them must come to nothing. */
  readonly onExpired: (slices: readonly number[]) => void
}

/** The slices that this process holds, from when they are gained until they are let go of. */
export class Ownership<Evt> implements SliceUser {
  readonly #options: OwnershipOptions<Evt>
  readonly #states = new Map<number, SliceState>()
  /** Those to be let go of, and whom to tell. */
  readonly #leaving = new Map<SliceState, () => void>()
  #owner: SliceOwner | undefined
  #ownerEnds: Promise<void> | undefined

  constructor(options: OwnershipOptions<Evt>) {
    this.#options = options
  }

  /** The name under which this process holds slices, if it does. */
  get holder(): string | undefined {
    return this.#states.size > 0 ? this.#owner?.member : undefined
  }

  /** All that are held, by slice. */
  get states(): ReadonlyMap<number, SliceState> {
    return this.#states
  }

  /** Those in a phase. */
  in(phase: SliceState['phase']): SliceState[] {
    return [...this.#states.values()].filter((state) => state.phase === phase)
  }

  /** Those that are to be let go of as soon as nothing of theirs is in flight. */
  get leaving(): readonly SliceState[] {
    return [...this.#leaving.keys()]
  }

  /** Whether there are any. */
  get isLeaving(): boolean {
    return this.#leaving.size > 0
  }

  /** Whether a slice is ours at this moment. One to be let go of is, until we have. */
  isHeld(state: SliceState): boolean {
    return this.#owner?.epochOf(state.slice) === state.epoch || this.#leaving.has(state)
  }

  /** Takes part in the sharing of slices. */
  takePart(): void {
    if (this.#owner !== undefined || this.#ownerEnds !== undefined) return
    const { key, logger, clock } = this.#options.setup
    this.#owner = new SliceOwner({ leases: this.#options.leases, group: groupOf(key), user: this, logger, clock })
  }

  /** Lets go of all slices; they must be let go of by {@link letGo} for it to end. */
  leave(): Promise<void> {
    const owner = this.#owner
    if (owner !== undefined && this.#ownerEnds === undefined) this.#ownerEnds = this.#stop(owner)
    return this.#ownerEnds ?? Promise.resolve()
  }

  async #stop(owner: SliceOwner): Promise<void> {
    await owner.stop()
    this.#owner = undefined
    this.#ownerEnds = undefined
    this.#options.onChange()
  }

  /** Slices are another's from now on. One that was lost and gained again since is another state, and stays. */
  letGo(states: readonly SliceState[]): void {
    for (const state of states) {
      state.phase = 'gone'
      if (this.#states.get(state.slice) === state) this.#states.delete(state.slice)
      this.#leaving.get(state)?.()
      this.#leaving.delete(state)
    }
  }

  gained(held: readonly HeldSlice[]): void {
    for (const { slice, epoch } of held) this.#states.set(slice, new SliceState(slice, epoch))
    this.#options.setup.logger.debug({ slices: held.map(({ slice }) => slice) }, 'slices gained')
    this.#options.onChange()
  }

  async lost(slices: readonly number[], how: 'handed-over' | 'expired'): Promise<void> {
    this.#options.setup.logger.debug({ slices, how }, 'slices lost')
    if (how === 'expired') {
      this.letGo(this.#statesOf(slices))
      this.#options.onExpired(slices)
    } else {
      await Promise.all(this.#statesOf(slices).map((state) => this.#whenLetGo(state)))
    }
  }

  #statesOf(slices: readonly number[]): SliceState[] {
    return slices.flatMap((slice) => this.#states.get(slice) ?? [])
  }

  #whenLetGo(state: SliceState): Promise<void> {
    return new Promise((resolve) => {
      this.#leaving.set(state, resolve)
      this.#options.onChange()
    })
  }
}
