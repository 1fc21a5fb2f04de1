import { InvalidInputError } from '../errors.js'
import { SLICE_COUNT } from '../log/slice.js'
import type { GroupView, Lease, LeaseStore, Renewed } from './lease-store.js'

interface Slice {
  epoch: number
  owner: string | undefined
}

class Group {
  /** Each member's end, by the store's clock. */
  readonly ends = new Map<string, number>()
  /** Names of members are used once. */
  readonly gone = new Set<string>()
  readonly slices: readonly Slice[] = Array.from({ length: SLICE_COUNT }, () => ({ epoch: 0, owner: undefined }))
  readonly watchers = new Set<() => void>()
}

/** How a {@link MemoryLeaseStore} is made. */
export interface MemoryLeaseStoreOptions {
  /** How long a member lives after a heartbeat, in milliseconds; 5,000 by default. */
  readonly ttlMs?: number
  /** The store's clock, in milliseconds: `performance.now` by default. Tests may turn it. */
  readonly now?: () => number
}

/**
 * Leases in memory, for tests and for projections of a single process: several instances of it know nothing of each other.
 *
 * @example
 * const leases = new MemoryLeaseStore({ ttlMs: 1_000 })
 */
export class MemoryLeaseStore implements LeaseStore {
  readonly ttlMs: number
  readonly #now: () => number
  readonly #groups = new Map<string, Group>()

  constructor({ ttlMs = 5_000, now = () => performance.now() }: MemoryLeaseStoreOptions = {}) {
    if (!Number.isFinite(ttlMs) || ttlMs <= 0) throw new InvalidInputError('ttlMs', ttlMs, 'milliseconds, more than 0')
    this.ttlMs = ttlMs
    this.#now = now
  }

  async join(group: string, member: string): Promise<GroupView> {
    const joined = this.#group(group)
    if (joined.ends.has(member) || joined.gone.has(member)) {
      throw new InvalidInputError('member', member, 'a name that was never used before')
    }
    joined.ends.set(member, this.#now() + this.ttlMs)
    notify(joined)
    return this.#viewOf(joined)
  }

  async renew(group: string, member: string): Promise<Renewed> {
    const found = this.#group(group)
    if (!this.#isLive(found, member)) return { kind: 'expired' }
    found.ends.set(member, this.#now() + this.ttlMs)
    return { kind: 'live', view: this.#viewOf(found) }
  }

  async take(group: string, member: string, seen: readonly Lease[]): Promise<readonly Lease[]> {
    const found = this.#group(group)
    if (!this.#isLive(found, member)) return []
    const taken = seen.flatMap(({ slice, epoch }) => {
      const held = found.slices[slice]
      if (held === undefined || held.epoch !== epoch || this.#isLive(found, held.owner)) return []
      held.epoch += 1
      held.owner = member
      return [{ slice, epoch: held.epoch, owner: member }]
    })
    if (taken.length > 0) notify(found)
    return taken
  }

  async release(group: string, member: string, slices: readonly number[]): Promise<void> {
    const found = this.#group(group)
    for (const slice of slices) {
      const held = found.slices[slice]
      if (held?.owner === member) held.owner = undefined
    }
    notify(found)
  }

  async leave(group: string, member: string): Promise<void> {
    const found = this.#group(group)
    if (found.ends.delete(member)) found.gone.add(member)
    notify(found)
  }

  async view(group: string): Promise<GroupView> {
    return this.#viewOf(this.#group(group))
  }

  watch(group: string, onChange: () => void): { readonly stop: () => void } {
    const { watchers } = this.#group(group)
    const watcher = () => onChange()
    watchers.add(watcher)
    return { stop: () => void watchers.delete(watcher) }
  }

  #group(name: string): Group {
    const found = this.#groups.get(name)
    if (found !== undefined) return found
    const group = new Group()
    this.#groups.set(name, group)
    return group
  }

  #isLive(group: Group, member: string | undefined): boolean {
    const end = member === undefined ? undefined : group.ends.get(member)
    return end !== undefined && end > this.#now()
  }

  #viewOf(group: Group): GroupView {
    return {
      members: [...group.ends.keys()].filter((member) => this.#isLive(group, member)),
      leases: group.slices.map(({ epoch, owner }, slice) => ({
        slice,
        epoch,
        owner: this.#isLive(group, owner) ? owner : undefined,
      })),
    }
  }
}

/** Later, as a message of another process would come. */
function notify({ watchers }: Group): void {
  for (const watcher of watchers) setImmediate(watcher)
}
