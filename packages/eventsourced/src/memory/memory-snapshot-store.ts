import { RefusedError } from '../errors.js'
import { checkSnapshot } from '../log/check.js'
import { checkKey, type EntityKey } from '../log/entity-key.js'
import type { Snapshot, SnapshotSaved, SnapshotStore } from '../snapshot/snapshot-store.js'

/** The snapshots of an entity, newest first. */
type Kept = readonly Snapshot[]

/**
 * A snapshot store in memory, for tests and for what may be forgotten.
 *
 * @example
 * const snapshotStore = new MemorySnapshotStore()
 * const another = new MemorySnapshotStore({ storageOf: snapshotStore }) // as another process would see it, or after a restart
 */
export class MemorySnapshotStore implements SnapshotStore {
  readonly durable = false
  readonly #kept: Map<string, Kept>
  #closed = false

  /** @param options `storageOf`: a store, open or closed, whose snapshots this one shares; none by default. */
  constructor({ storageOf }: { readonly storageOf?: MemorySnapshotStore } = {}) {
    this.#kept = storageOf === undefined ? new Map<string, Kept>() : storageOf.#kept
  }

  async save(
    key: EntityKey,
    snapshot: Snapshot,
    { keep = 1 }: { readonly keep?: number } = {},
  ): Promise<SnapshotSaved> {
    this.#refuseIfClosed()
    checkSnapshot(key, snapshot, keep)
    const before = this.#keptOf(key)
    const older = before.filter(({ seqNo }) => seqNo < snapshot.seqNo)
    const kept = isNewest(snapshot, before) ? [copyOf(snapshot), ...older].slice(0, keep) : before
    this.#kept.set(nameOf(key), kept)
    return { oldestSeqNo: kept.at(-1)?.seqNo ?? 0 }
  }

  async load(
    key: EntityKey,
    { maxSeqNo = Infinity }: { readonly maxSeqNo?: number } = {},
  ): Promise<Snapshot | undefined> {
    this.#refuseIfClosed()
    checkKey(key)
    const found = this.#keptOf(key).find(({ seqNo }) => seqNo <= maxSeqNo)
    return found && copyOf(found)
  }

  async delete(key: EntityKey): Promise<void> {
    this.#refuseIfClosed()
    checkKey(key)
    this.#kept.delete(nameOf(key))
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #keptOf(key: EntityKey): Kept {
    return this.#kept.get(nameOf(key)) ?? []
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new RefusedError('closed', 'the snapshot store is closed')
  }
}

function isNewest({ seqNo }: Snapshot, kept: Kept): boolean {
  const newest = kept[0]
  return newest === undefined || seqNo >= newest.seqNo
}

function nameOf({ typeName, id }: EntityKey): string {
  return `${typeName} ${id}`
}

/** What is kept is out of the caller's reach. */
function copyOf({ seqNo, appendId, version, bytes }: Snapshot): Snapshot {
  return { seqNo, appendId, version, bytes: Uint8Array.from(bytes) }
}
