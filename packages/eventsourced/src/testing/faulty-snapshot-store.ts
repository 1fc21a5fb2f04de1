import type { EntityKey } from '../log/entity-key.js'
import type { Snapshot, SnapshotSaved, SnapshotStore } from '../snapshot/snapshot-store.js'
import { Faults } from './faults.js'

/** The calls of a snapshot store that can be made to fail. */
export type SnapshotStoreOperation = 'save' | 'load' | 'delete'

/**
 * A snapshot store that fails on request, for tests of what runs on it. Everything else goes through to the store it wraps.
 *
 * @example
 * const store = new FaultySnapshotStore(new MemorySnapshotStore())
 * store.faults.fail('save', { when: 'before', error: new UnavailableError('the disk is gone') })
 */
export class FaultySnapshotStore implements SnapshotStore {
  /** What is to go wrong next. */
  readonly faults = new Faults<SnapshotStoreOperation>()
  readonly #store: SnapshotStore

  constructor(store: SnapshotStore) {
    this.#store = store
  }

  get durable(): boolean {
    return this.#store.durable ?? true
  }

  save(key: EntityKey, snapshot: Snapshot, options?: { readonly keep?: number }): Promise<SnapshotSaved> {
    return this.faults.run('save', () => this.#store.save(key, snapshot, options))
  }

  load(key: EntityKey, options?: { readonly maxSeqNo?: number }): Promise<Snapshot | undefined> {
    return this.faults.run('load', () => this.#store.load(key, options))
  }

  delete(key: EntityKey): Promise<void> {
    return this.faults.run('delete', () => this.#store.delete(key))
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
