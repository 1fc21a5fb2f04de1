import {
  checkKey,
  checkSnapshot,
  checkTypeName,
  type EntityKey,
  RefusedError,
  type Snapshot,
  type SnapshotSaved,
  type SnapshotStore,
} from 'eventsourced'
import { checkBucketConfig } from '../config/bucket-config.js'
import type { NatsSnapshotStoreConfig } from '../config/snapshot-store-config.js'
import { purge } from '../kv/bucket.js'
import { type ConnectedBucket, connectBucket } from '../kv/connect-bucket.js'
import { persistently } from '../wire/persistently.js'
import { Work } from '../wire/work.js'
import { ids } from './ids.js'
import { load } from './load.js'
import { RecentSaves } from './recent-saves.js'
import { save } from './save.js'
import { newestKey, olderKeys } from './snapshot-keys.js'

/**
 * A snapshot store on a JetStream key-value bucket: the newest snapshot of an entity under `<typeName>.<id>`, older ones under
 * `<typeName>.<id>.<seqNo>`. A snapshot must fit the server's `max_payload`.
 *
 * @example
 * const snapshotStore = await NatsSnapshotStore.create({ servers: 'localhost:4222', bucket: 'snapshots', setup: true })
 */
export class NatsSnapshotStore implements SnapshotStore {
  readonly #connected: ConnectedBucket
  readonly #recent = new RecentSaves()
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(connected: ConnectedBucket) {
    this.#connected = connected
  }

  /**
   * Opens a store on a connection handed in, or on one of its own, and checks the server and the bucket.
   *
   * @throws {InvalidInputError} naming the setting that is wrong, be it one of the configuration, of the server or of the bucket
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsSnapshotStoreConfig): Promise<NatsSnapshotStore> {
    const checked = checkBucketConfig(config)
    const purpose = { description: 'eventsourced: snapshots', expires: false }
    return new NatsSnapshotStore(await connectBucket(config, checked, purpose))
  }

  async save(
    key: EntityKey,
    snapshot: Snapshot,
    { keep = 1 }: { readonly keep?: number } = {},
  ): Promise<SnapshotSaved> {
    this.#refuseIfClosed()
    checkSnapshot(key, snapshot, keep)
    // The caller may reuse its bytes while we write.
    const copy = { ...snapshot, bytes: Uint8Array.from(snapshot.bytes) }
    return this.#do(`saving a snapshot of ${nameOf(key)}`, () =>
      save(this.#connected.bucket, this.#recent, { key, snapshot: copy, keep }),
    )
  }

  async load(
    key: EntityKey,
    { maxSeqNo = Infinity }: { readonly maxSeqNo?: number } = {},
  ): Promise<Snapshot | undefined> {
    this.#refuseIfClosed()
    checkKey(key)
    return this.#do(`loading a snapshot of ${nameOf(key)}`, () => load(this.#connected.bucket, key, maxSeqNo))
  }

  async delete(key: EntityKey): Promise<void> {
    this.#refuseIfClosed()
    checkKey(key)
    await this.#do(`deleting the snapshots of ${nameOf(key)}`, async () => {
      const { bucket } = this.#connected
      this.#recent.take(newestKey(key))
      await purge(bucket, newestKey(key))
      await purge(bucket, olderKeys(key))
    })
  }

  /**
   * The ids of a type's entities that have a snapshot, each once, in an order of the bucket's own. A forgotten entity has one, without a state.
   *
   * @throws {UnavailableError | RefusedError}
   */
  async ids(typeName: string): Promise<readonly string[]> {
    this.#refuseIfClosed()
    checkTypeName(typeName)
    return this.#do(`listing the snapshots of ${typeName}`, () => ids(this.#connected.bucket, typeName))
  }

  /** Finishes what was accepted and refuses what comes later. A connection handed in stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#work.finished()
    await this.#connected.close()
  }

  /** Does what may be done again at will. */
  #do<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
    return this.#work.do(() => persistently(this.#connected.bucket.stream, what, undefined, action))
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the snapshot store is closed')
  }
}

function nameOf({ typeName, id }: EntityKey): string {
  return `${typeName} ${id}`
}
