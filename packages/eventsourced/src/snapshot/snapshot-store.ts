import type { EntityKey } from '../log/entity-key.js'

/** An entity's state after one of its events, as bytes. */
export interface Snapshot {
  /** The event that the state stands on. */
  readonly seqNo: number
  /** That event's appendId: by it a log that lost events is found out. */
  readonly appendId: string
  /** The version of the state's schema, 0 or more. */
  readonly version: number
  readonly bytes: Uint8Array
}

/** What a store keeps for an entity after a save. */
export interface SnapshotSaved {
  /** The seqNo of the oldest snapshot kept: no event after it may be deleted. */
  readonly oldestSeqNo: number
}

/**
 * Keeps snapshots. A snapshot is an optimisation: a store that fails or forgets costs time, never an event. What a backend must
 * keep to is written down as tests: `snapshotStoreSuite` of `eventsourced/testing`.
 *
 * A failure is a {@link RefusedError} (too large, closed, bad input) or an {@link UnavailableError}.
 */
export interface SnapshotStore {
  /** Whether what is saved outlives the process; so it is taken to, unless this is `false`. */
  readonly durable?: boolean
  /**
   * Saves a snapshot and keeps the newest `keep` (1 by default) of the entity's. An older one never replaces a newer one: saving it does
   * nothing. Of one at the seqNo of the newest and that one, one stays.
   */
  save(key: EntityKey, snapshot: Snapshot, options?: { readonly keep?: number }): Promise<SnapshotSaved>
  /** The newest snapshot, or the newest at or below `maxSeqNo`, if there is one. */
  load(key: EntityKey, options?: { readonly maxSeqNo?: number }): Promise<Snapshot | undefined>
  /** Deletes all snapshots of the entity. */
  delete(key: EntityKey): Promise<void>
  /** Finishes what was accepted and refuses what comes later. Idempotent. */
  close(): Promise<void>
}
