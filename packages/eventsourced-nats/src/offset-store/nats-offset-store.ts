import {
  checkProjectionKey,
  checkProjectionName,
  type Claimed,
  type Committed,
  type Entry,
  lowestPosition,
  type Move,
  type OffsetStore,
  type ParkedEvt,
  type ParkedOptions,
  type ProjectionKey,
  RefusedError,
  SLICE_COUNT,
  type SliceRecord,
} from 'eventsourced'
import { type Bucket, look, purge, read, swap } from '../kv/bucket.js'
import { type ConnectedBucket, connectBucket } from '../kv/connect-bucket.js'
import { watchKey } from '../kv/watch-key.js'
import { NatsLeaseStore } from '../lease/nats-lease-store.js'
import { Work } from '../wire/work.js'
import { checkOffsetStoreConfig, type NatsOffsetStoreConfig } from './config.js'
import { ALL_ENTRIES, allParked, allSlices, entryAt, entryKey } from './offset-keys.js'
import { pagesOf, parkedList, readParked } from './parked.js'
import { Records } from './records.js'

const ALL = Array.from({ length: SLICE_COUNT }, (_, slice) => slice)

/**
 * Offsets of projections in a JetStream key-value bucket, and the leases of their slices with them. A parked event must fit the server's `max_payload`
 * together with why it was parked.
 *
 * @example
 * const offsetStore = await NatsOffsetStore.create({ servers: 'localhost:4222', bucket: 'projections', setup: true })
 * const handler = atLeastOnce(offsetStore, async ({ evt, key }) => { await search.index(key.id, evt) })
 */
export class NatsOffsetStore implements OffsetStore {
  readonly leases: NatsLeaseStore
  readonly #connected: ConnectedBucket
  readonly #bucket: Bucket
  readonly #records: Records
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(connected: ConnectedBucket, leases: NatsLeaseStore) {
    this.#connected = connected
    this.#bucket = connected.bucket
    this.#records = new Records(connected.bucket)
    this.leases = leases
  }

  /**
   * Opens a store on a connection handed in, or on one of its own, and checks the server and the bucket.
   *
   * @throws {InvalidInputError} naming the setting that is wrong, be it one of the configuration, of the server or of the bucket
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsOffsetStoreConfig): Promise<NatsOffsetStore> {
    const { leaseTtlMs, ...checked } = checkOffsetStoreConfig(config)
    const connected = await connectBucket(config, checked, { description: 'eventsourced: projections', expires: true })
    try {
      const leases = await NatsLeaseStore.create({
        connection: connected.connection,
        bucket: checked.bucket,
        ttlMs: leaseTtlMs,
        ...(config.inboxPrefix !== undefined && { inboxPrefix: config.inboxPrefix }),
        ...(config.logger !== undefined && { logger: config.logger }),
      })
      return new NatsOffsetStore(connected, leases)
    } catch (error) {
      await connected.close()
      throw error
    }
  }

  claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    return this.#do(key, () => this.#records.claim(key, slice, epoch))
  }

  commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    return this.#do(key, async () => {
      // All have ended when it ends, whichever fails.
      const settled = await Promise.allSettled(moves.map((move) => this.#records.move(key, move)))
      const moved = new Map<number, number>()
      const fenced: number[] = []
      for (const [index, { slice }] of moves.entries()) {
        const one = settled[index]
        if (one?.status === 'rejected') throw one.reason
        if (one?.value === undefined) fenced.push(slice)
        else moved.set(slice, one.value)
      }
      return { moved, fenced }
    })
  }

  slices(key: ProjectionKey, only: readonly number[] = ALL): Promise<readonly SliceRecord[]> {
    return this.#do(key, async () => {
      const kept = await this.#records.kept(
        key,
        ALL.filter((slice) => only.includes(slice)),
      )
      return kept.map(({ record }) => record)
    })
  }

  async *parked(key: ProjectionKey, options: ParkedOptions = {}): AsyncGenerator<ParkedEvt, void, void> {
    const list = await this.#do(key, () => parkedList(this.#bucket, this.#records, key, options))
    for (const page of pagesOf(list)) yield* await this.#do(key, () => readParked(this.#bucket, key, page))
  }

  parkedCount(key: ProjectionKey): Promise<number> {
    return this.#do(key, async () => {
      const list = await parkedList(this.#bucket, this.#records, key, {})
      return list.filter(({ outUpTo }) => outUpTo === 0).length
    })
  }

  remove(key: ProjectionKey): Promise<void> {
    return this.#do(key, async () => {
      // The records first: without them nothing more is parked.
      await purge(this.#bucket, allSlices(key))
      await purge(this.#bucket, allParked(key))
    })
  }

  names(): Promise<readonly string[]> {
    return this.#do(undefined, async () => (await look(this.#bucket, ALL_ENTRIES)).keys.map(entryAt))
  }

  entry(name: string): Promise<Entry | undefined> {
    return this.#do(undefined, async () => {
      checkProjectionName(name)
      const msg = await read(this.#bucket, entryKey(name))
      return msg && { value: Buffer.from(msg.data).toString(), revision: msg.seq }
    })
  }

  putEntry(name: string, { value, revision }: Entry): Promise<boolean> {
    return this.#do(undefined, async () => {
      checkProjectionName(name)
      const put = { key: entryKey(name), data: Buffer.from(value), what: `the entry ${name}` }
      return (await swap(this.#bucket, put, revision)) !== undefined
    })
  }

  watch(name: string, onChange: () => void): { readonly stop: () => void } {
    checkProjectionName(name)
    return watchKey(this.#connected.connection, this.#bucket, entryKey(name), onChange)
  }

  async position(typeName: string, slice: number): Promise<number> {
    this.#refuseIfClosed()
    return lowestPosition(this, typeName, slice)
  }

  /** Finishes what was accepted and refuses what comes later, also of its leases. A connection handed in stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#work.finished()
    await this.leases.close()
    await this.#connected.close()
  }

  async #do<Result>(key: ProjectionKey | undefined, work: () => Promise<Result>): Promise<Result> {
    this.#refuseIfClosed()
    if (key !== undefined) checkProjectionKey(key)
    return this.#work.do(work)
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the offset store is closed')
  }
}
