import type { GroupView, Lease, LeaseStore, Renewed } from '../lease/lease-store.js'
import { Faults } from './faults.js'

/** The calls of a lease store that can be made to fail. */
export type LeaseStoreOperation = 'join' | 'renew' | 'take' | 'release' | 'leave' | 'view'

/**
 * A lease store that fails on request, for tests of what runs on it. Everything else goes through to the store it wraps.
 *
 * @example
 * const leases = new FaultyLeaseStore(new MemoryLeaseStore())
 * leases.faults.fail('renew', { when: 'before', error: new UnavailableError('cut off') }, 20)
 */
export class FaultyLeaseStore implements LeaseStore {
  /** What is to go wrong next. */
  readonly faults = new Faults<LeaseStoreOperation>()
  readonly ttlMs: number
  readonly #leases: LeaseStore

  constructor(leases: LeaseStore) {
    this.#leases = leases
    this.ttlMs = leases.ttlMs
  }

  join(group: string, member: string): Promise<GroupView> {
    return this.faults.run('join', () => this.#leases.join(group, member))
  }

  renew(group: string, member: string): Promise<Renewed> {
    return this.faults.run('renew', () => this.#leases.renew(group, member))
  }

  take(group: string, member: string, seen: readonly Lease[]): Promise<readonly Lease[]> {
    return this.faults.run('take', () => this.#leases.take(group, member, seen))
  }

  release(group: string, member: string, slices: readonly number[]): Promise<void> {
    return this.faults.run('release', () => this.#leases.release(group, member, slices))
  }

  leave(group: string, member: string): Promise<void> {
    return this.faults.run('leave', () => this.#leases.leave(group, member))
  }

  view(group: string): Promise<GroupView> {
    return this.faults.run('view', () => this.#leases.view(group))
  }

  watch(group: string, onChange: () => void): { readonly stop: () => void } {
    return this.#leases.watch?.(group, onChange) ?? { stop: () => undefined }
  }
}
