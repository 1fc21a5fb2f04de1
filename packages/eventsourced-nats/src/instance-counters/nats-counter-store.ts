import { RefusedError, UnavailableError } from 'eventsourced'
import {
  changed,
  type CounterChange,
  type CounterInstance,
  type CounterStore,
  type Counts,
  countsOf,
  slicesOf,
} from 'eventsourced/counters'
import { type ConnectedBucket, connectBucket } from '../kv/connect-bucket.js'
import { read } from '../kv/bucket.js'
import { backOff } from '../wire/back-off.js'
import { Work } from '../wire/work.js'
import { compareAndSwap, type CounterBucket, ttlOf } from './bucket.js'
import { checkCounterStoreConfig, type NatsCounterStoreConfig } from './config.js'
import { counterKey, decodeNamespace, encodeKey, encodeNamespace, namespaceKey } from './entries.js'
import { REMEMBERED_MS, removeLeftovers, removeLeftoversOf } from './leftovers.js'
import { look, type Seen } from './look.js'
import { type Clocks, Member, nowOf } from './member.js'
import { ServerClock } from './server-clock.js'

const PURPOSE = { description: 'eventsourced: counters by instance', expires: true, batches: false }
/** How many clears a namespace remembers. One that is sent again comes within moments. */
const CLEARS = 100

/**
 * Counters in a JetStream key-value bucket: one entry a key with the slices of all instances, changed by compare-and-swap; one an instance, written by its
 * heartbeats; one a namespace that was cleared. All of a key must fit the server's `max_payload`: some 5,000 instances by default.
 *
 * @example
 * const store = await NatsCounterStore.create({ servers: 'localhost:4222', bucket: 'counters', setup: true })
 * const counter = await strictCounter(store, { namespace: 'connections' })
 */
export class NatsCounterStore implements CounterStore {
  readonly #bucket: CounterBucket
  readonly #connected: ConnectedBucket
  readonly #clocks: Clocks
  readonly #members = new Map<string, Member>()
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(connected: ConnectedBucket, clocks: Clocks) {
    this.#bucket = { ...connected.bucket, isReplicated: connected.replicas > 1 }
    this.#connected = connected
    this.#clocks = clocks
  }

  /**
   * Opens a store on a connection handed in, or on one of its own, and checks the server and the bucket.
   *
   * @throws {InvalidInputError} naming the setting that is wrong
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsCounterStoreConfig): Promise<NatsCounterStore> {
    const checked = checkCounterStoreConfig(config)
    const connected = await connectBucket(config, checked, PURPOSE)
    const store = new NatsCounterStore(connected, { given: checked.clock, server: new ServerClock() })
    store.#removeLeftovers()
    return store
  }

  heartbeat(instance: CounterInstance): Promise<void> {
    return this.#do(() => this.#member(instance).heartbeat())
  }

  get(instance: CounterInstance, key: string): Promise<Counts> {
    return this.#do(async () => {
      const { state, world } = await this.#look(instance, key)
      return countsOf(key, state, world)
    })
  }

  slices(instance: CounterInstance, key: string): Promise<ReadonlyMap<string, bigint>> {
    return this.#do(async () => {
      const { state, world } = await this.#look(instance, key)
      return slicesOf(state, world)
    })
  }

  change(instance: CounterInstance, key: string, change: CounterChange, changeId: string): Promise<Counts> {
    return this.#do(() =>
      this.#swapping(async () => {
        const { revision, state: before, world } = await this.#look(instance, key)
        const { state, counts } = changed(key, before, { change, changeId, world })
        if (state === before) return counts
        const isVoid = [...state.slices.values()].every(({ epoch }) => epoch !== state.epoch)
        const put = {
          key: counterKey(instance.namespace, key),
          data: encodeKey(state),
          what: `the ${state.slices.size} slices of the counter ${key}`,
          ttl: isVoid ? ttlOf(REMEMBERED_MS) : undefined,
        }
        const swapped = await compareAndSwap(this.#bucket, put, revision)
        return swapped === undefined ? undefined : counts
      }),
    )
  }

  clear(instance: CounterInstance, changeId: string): Promise<void> {
    const { namespace, instanceId } = instance
    const key = namespaceKey(namespace)
    return this.#do(async () => {
      await this.#member(instance).beat()
      await this.#swapping(async () => {
        const cleared = await read(this.#bucket, key)
        const { generation, clears } = decodeNamespace(cleared) ?? { generation: 0, clears: [] }
        if (clears.some(([, made]) => made === changeId)) return true
        await removeLeftoversOf(this.#bucket, key, { cleared, now: nowOf(this.#clocks) })
        const others = clears.filter(([id]) => id !== instanceId).slice(1 - CLEARS)
        const after = { generation: generation + 1, clears: [...others, [instanceId, changeId] as const] }
        const put = { key, data: encodeNamespace(after), what: `a clear of the namespace ${namespace}` }
        const swapped = await compareAndSwap(this.#bucket, put, cleared?.seq ?? 0)
        return swapped === undefined ? undefined : true
      })
    })
  }

  clearOnInstance(instance: CounterInstance, changeId: string): Promise<void> {
    // The id is the new generation, so that the same once more changes nothing.
    return this.#do(() => this.#member(instance).renew(changeId))
  }

  leave(instance: CounterInstance): Promise<void> {
    return this.#do(() => this.#member(instance).leave())
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

  /** Beside everything else: nobody waits for it. */
  #removeLeftovers(): void {
    const removed = this.#work.do(() => removeLeftovers(this.#bucket, nowOf(this.#clocks)))
    removed.catch((error: unknown) => {
      this.#bucket.stream.logger?.warn({ err: error }, 'what clears have left behind was not removed')
    })
  }

  #look(instance: CounterInstance, key: string): Promise<Seen> {
    return look(this.#bucket, this.#clocks, { member: this.#member(instance), instance, key })
  }

  /** Reads, decides and writes until nobody has come in between. */
  async #swapping<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
    const deadline = performance.now() + this.#bucket.stream.timeoutMs
    for (let attempts = 0; performance.now() < deadline; attempts++) {
      const result = await attempt()
      if (result !== undefined) return result
      if (attempts > 2) await backOff(Math.min(attempts - 3, 3))
    }
    throw new UnavailableError('others have changed it again and again meanwhile')
  }

  #member(instance: CounterInstance): Member {
    const name = JSON.stringify(instance)
    const known = this.#members.get(name)
    if (known !== undefined) return known
    const member = new Member(this.#bucket, this.#clocks, instance)
    this.#members.set(name, member)
    return member
  }

  async #do<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the counter store is closed')
    return this.#work.do(work)
  }
}
