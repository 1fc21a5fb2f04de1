import {
  checkKey,
  checkSnapshot,
  type EntityKey,
  RefusedError,
  type Snapshot,
  type SnapshotSaved,
  type SnapshotStore,
} from 'eventsourced'
import { checkBucketConfig } from '../config/bucket-config.js'
import { type Connected, connected } from '../config/connection-config.js'
import { checkJetStream } from '../config/jetstream.js'
import { checkServerVersion } from '../config/server-version.js'
import type { NatsSnapshotStoreConfig } from '../config/snapshot-store-config.js'
import { failureOf } from '../errors/failure.js'
import { persistently } from '../wire/persistently.js'
import { Work } from '../wire/work.js'
import { openWire } from '../wire/wire.js'
import { type Bucket, newestKey, purge } from './bucket.js'
import { openBucket } from './open-bucket.js'
import { load } from './load.js'
import { save } from './save.js'

/**
 * A snapshot store on a JetStream key-value bucket: the newest snapshot of an entity under `<typeName>.<id>`, older ones under
 * `<typeName>.<id>.<seqNo>`. A snapshot must fit the server's `max_payload`.
 *
 * @example
 * const snapshotStore = await NatsSnapshotStore.create({ servers: 'localhost:4222', bucket: 'snapshots', setup: true })
 */
export class NatsSnapshotStore implements SnapshotStore {
  readonly #bucket: Bucket
  readonly #connected: Connected
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(bucket: Bucket, connection: Connected) {
    this.#bucket = bucket
    this.#connected = connection
  }

  /**
   * Opens a store on a connection handed in, or on one of its own, and checks the server and the bucket.
   *
   * @throws {InvalidInputError} naming the setting that is wrong
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsSnapshotStoreConfig): Promise<NatsSnapshotStore> {
    const checked = checkBucketConfig(config)
    const { bucket: name, replyTimeout, timeout: timeoutMs, inboxPrefix, logger } = checked
    const own = await connected(config, inboxPrefix)
    const { connection } = own
    try {
      checkServerVersion(connection)
      const manager = await checkJetStream(connection, replyTimeout)
      const kv = await openBucket(connection, manager, checked)
      const wire = openWire(connection, { replyTimeoutMs: replyTimeout, inboxPrefix, logger })
      return new NatsSnapshotStore({ kv, manager, name, wire, timeoutMs, logger }, own)
    } catch (error) {
      if (own.isOwn) await connection.close()
      throw error
    }
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
    return this.#do(`saving a snapshot of ${nameOf(key)}`, () => save(this.#bucket, key, copy, keep))
  }

  async load(
    key: EntityKey,
    { maxSeqNo = Infinity }: { readonly maxSeqNo?: number } = {},
  ): Promise<Snapshot | undefined> {
    this.#refuseIfClosed()
    checkKey(key)
    return this.#do(`loading a snapshot of ${nameOf(key)}`, () => load(this.#bucket, key, maxSeqNo))
  }

  async delete(key: EntityKey): Promise<void> {
    this.#refuseIfClosed()
    checkKey(key)
    await this.#do(`deleting the snapshots of ${nameOf(key)}`, async () => {
      await purge(this.#bucket, newestKey(key))
      await purge(this.#bucket, `${newestKey(key)}.*`)
    })
  }

  /** Finishes what was accepted and refuses what comes later. A connection handed in stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#work.finished()
    this.#bucket.wire.close()
    if (this.#connected.isOwn) await this.#connected.connection.close()
  }

  /** Does what may be done again at will. */
  #do<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
    return this.#work.do(() =>
      persistently(this.#bucket, what, undefined, () =>
        action().catch((error: unknown) => {
          throw failureOf(what, error)
        }),
      ),
    )
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the snapshot store is closed')
  }
}

function nameOf({ typeName, id }: EntityKey): string {
  return `${typeName} ${id}`
}
