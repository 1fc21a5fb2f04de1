import { RefusedError } from '../errors.js'
import { checkSnapshot } from '../log/check.js'
import { checkKey, type EntityKey } from '../log/entity-key.js'
import type { Snapshot, SnapshotSaved, SnapshotStore } from './snapshot-store.js'

/**
 * Keeps no snapshots: every recovery replays all events. It answers a save with `oldestSeqNo: 0`, so that nobody who asks what may
 * be deleted deletes anything.
 *
 * @example
 * await Entity.spawn(id, counter, { evtLog, snapshotStore: new NoopSnapshotStore(), binarizer })
 */
export class NoopSnapshotStore implements SnapshotStore {
  #closed = false

  async save(key: EntityKey, snapshot: Snapshot, options: { readonly keep?: number } = {}): Promise<SnapshotSaved> {
    this.#refuseIfClosed()
    checkSnapshot(key, snapshot, options.keep)
    return { oldestSeqNo: 0 }
  }

  async load(key: EntityKey): Promise<undefined> {
    this.#refuseIfClosed()
    checkKey(key)
  }

  async delete(key: EntityKey): Promise<void> {
    this.#refuseIfClosed()
    checkKey(key)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new RefusedError('closed', 'the snapshot store is closed')
  }
}
