import type { Logger } from 'pino'
import { v7 } from 'uuid'
import { backOff } from '../entity/back-off.js'
import { checkFields, checkPart } from '../entity/check-fields.js'
import { hasCode, InvalidInputError, messageOf, RefusedError, UncertainError } from '../errors.js'
import { APPEND_ID, appendIds } from '../log/append-id.js'
import { MAX_TIMER } from '../max-timer.js'
import { checkCount, checkCounterName } from './check.js'
import type { CounterChange, CounterInstance, CounterStore } from './counter-store.js'
import type { Count, Counts, InstanceAwareCounter } from './instance-aware-counter.js'
import { Lanes } from './lanes.js'

/** How a counter works. All times are in milliseconds. */
export interface StrictCounterOptions {
  /** Counters of different namespaces know nothing of one another. 1 to 255 bytes. */
  readonly namespace: string
  /**
   * Which instance this is, 1 to 255 bytes; a new UUID by default. No two that run at the same time may bear the same. One that outlives its process,
   * such as a host's name, brings the slices of the process before it back.
   */
  readonly instanceId?: string
  /** After how long without a heartbeat this instance's slices stop counting; 30,000 by default. */
  readonly deadInstanceThreshold?: number
  /** How often a heartbeat is sent; a third of the threshold by default. `Infinity` for by hand, with `heartbeat()`. */
  readonly heartbeatInterval?: number
  /** For how long beyond the threshold its slices are kept, should this instance come back; a week by default. */
  readonly forgetAfter?: number
  /** For how long an operation is tried again before it fails as unavailable or uncertain; 30,000 by default. */
  readonly timeout?: number
  /** Silent by default. */
  readonly logger?: Logger
}

/** A counter each of whose operations goes to the store. */
export interface StrictInstanceAwareCounter extends InstanceAwareCounter {
  /**
   * Makes the id of a change that is still to come. Sending the same change with it again, after `UNCERTAIN`, never makes it twice. The
   * changes of a key must be sent in the order of their ids, and none between a change and its repetition.
   */
  newChangeId(): string
  /** As {@link InstanceAwareCounter.inc}, with the change's id where the caller means to repeat it. */
  inc(key: string, count: Count, options?: { readonly changeId?: string }): Promise<Counts>
  /** Tells that this instance is alive, beside the heartbeats that are sent by themselves. */
  heartbeat(): Promise<void>
}

const FIELDS: readonly (keyof StrictCounterOptions)[] = [
  'namespace',
  'instanceId',
  'deadInstanceThreshold',
  'heartbeatInterval',
  'forgetAfter',
  'timeout',
  'logger',
]
const WEEK_MS = 7 * 24 * 3_600_000
const BACK_OFF = { start: 10, max: 1_000 }

/**
 * Opens a counter on a store, which may serve any number of them: each operation goes there, and is answered as all instances see it. An
 * operation whose answer is lost is sent again, and made once.
 *
 * @throws {InvalidInputError} naming the option
 * @throws {UnavailableError} if the store can't be reached
 * @example
 * const counter = await strictCounter(store, { namespace: 'connections' })
 * const { total, own } = await counter.inc('eu-west', 1)
 */
export async function strictCounter(
  store: CounterStore,
  options: StrictCounterOptions,
): Promise<StrictInstanceAwareCounter> {
  checkPart('store', store, ['heartbeat', 'get', 'slices', 'change', 'clear', 'clearOnInstance', 'leave'])
  checkFields('options', options, FIELDS)
  const { deadInstanceThreshold = 30_000, timeout = 30_000, forgetAfter = WEEK_MS } = options
  const { heartbeatInterval = deadInstanceThreshold / 3 } = options
  checkMs('deadInstanceThreshold', deadInstanceThreshold)
  checkMs('timeout', timeout)
  checkMs('forgetAfter', forgetAfter)
  if (heartbeatInterval !== Infinity) checkMs('heartbeatInterval', Math.ceil(heartbeatInterval))
  const counter = new StrictCounter(store, {
    instance: {
      namespace: checkCounterName('namespace', options.namespace),
      instanceId: checkCounterName('instanceId', options.instanceId ?? v7()),
      deadInstanceThreshold,
      forgetAfter,
    },
    timeout,
    logger: options.logger,
  })
  await counter.heartbeat()
  counter.beatEvery(heartbeatInterval)
  return counter
}

interface Settings {
  readonly instance: CounterInstance
  readonly timeout: number
  readonly logger: Logger | undefined
}

class StrictCounter implements StrictInstanceAwareCounter {
  readonly #store: CounterStore
  readonly #instance: CounterInstance
  readonly #timeout: number
  readonly #logger: Logger | undefined
  readonly #nextChangeId = appendIds()
  /** A store asks for one change of a key at a time, and the order in which they came is the order to keep. */
  readonly #lanes = new Lanes()
  /** What has no order. */
  readonly #reads = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(store: CounterStore, { instance, timeout, logger }: Settings) {
    this.#store = store
    this.#instance = instance
    this.#timeout = timeout
    this.#logger = logger
  }

  get instanceId(): string {
    return this.#instance.instanceId
  }

  newChangeId(): string {
    return this.#nextChangeId()
  }

  async inc(key: string, count: Count, { changeId }: { readonly changeId?: string } = {}): Promise<Counts> {
    if (changeId !== undefined && !APPEND_ID.test(changeId)) {
      throw new InvalidInputError('changeId', changeId, 'an id of newChangeId()')
    }
    return this.#change(key, { type: 'add', count: checkCount(count) }, changeId)
  }

  async dec(key: string, count: Count): Promise<Counts> {
    return this.#change(key, { type: 'add', count: -checkCount(count) })
  }

  async set(key: string, count: Count): Promise<Counts> {
    return this.#change(key, { type: 'set', count: checkCount(count) })
  }

  async setOnInstance(key: string, count: Count): Promise<Counts> {
    return this.#change(key, { type: 'setOnInstance', count: checkCount(count) })
  }

  async get(key: string): Promise<Counts> {
    this.#refuseIfClosed()
    checkCounterName('key', key)
    return this.#read(() => this.#store.get(this.#instance, key))
  }

  async getByInstance(key: string): Promise<ReadonlyMap<string, bigint>> {
    this.#refuseIfClosed()
    checkCounterName('key', key)
    return this.#read(() => this.#store.slices(this.#instance, key))
  }

  async del(key: string): Promise<Counts> {
    return this.#change(key, { type: 'del' })
  }

  async delOnInstance(key: string): Promise<Counts> {
    return this.#change(key, { type: 'delOnInstance' })
  }

  async clear(): Promise<void> {
    this.#refuseIfClosed()
    await this.#inLane('', (changeId) => this.#store.clear(this.#instance, changeId))
  }

  async clearOnInstance(): Promise<void> {
    this.#refuseIfClosed()
    await this.#inLane('', (changeId) => this.#store.clearOnInstance(this.#instance, changeId))
  }

  async heartbeat(): Promise<void> {
    this.#refuseIfClosed()
    await this.#read(() => this.#store.heartbeat(this.#instance))
  }

  /** Has heartbeats sent from now on. One that fails is as good as late: the next may come in time. */
  beatEvery(interval: number): void {
    if (interval > MAX_TIMER) return
    let isBeating = false
    const beat = async (): Promise<void> => {
      if (isBeating) return
      isBeating = true
      try {
        await this.#store.heartbeat(this.#instance)
      } catch (error) {
        const { namespace, instanceId } = this.#instance
        this.#logger?.warn({ err: error, namespace, instanceId }, 'a heartbeat failed')
      }
      isBeating = false
    }
    this.#timer = setInterval(() => {
      const beaten = beat()
      this.#reads.add(beaten)
      void beaten.finally(() => this.#reads.delete(beaten))
    }, interval).unref()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#lanes.idle()
    // A heartbeat that came after we have left would bring us back.
    await Promise.allSettled(this.#reads)
    await this.#persistently(() => this.#store.leave(this.#instance))
  }

  #change(key: string, change: CounterChange, changeId?: string): Promise<Counts> {
    this.#refuseIfClosed()
    checkCounterName('key', key)
    return this.#inLane(key, (newId) => this.#store.change(this.#instance, key, change, changeId ?? newId))
  }

  /** Does what changes something when its turn comes. It bears the same id whenever it is sent again, so that it is made once. */
  #inLane<Result>(lane: string, send: (changeId: string) => Promise<Result>): Promise<Result> {
    return this.#lanes.run(lane, () => {
      const changeId = this.#nextChangeId()
      return this.#persistently(() => send(changeId))
    })
  }

  async #read<Result>(read: () => Promise<Result>): Promise<Result> {
    const reading = this.#persistently(read)
    this.#reads.add(reading)
    try {
      return await reading
    } finally {
      this.#reads.delete(reading)
    }
  }

  async #persistently<Result>(send: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + this.#timeout
    let isUncertain = false
    for (let attempt = 0; ; attempt++) {
      try {
        return await send()
      } catch (error) {
        isUncertain ||= hasCode(error, 'UNCERTAIN')
        const isWorthIt = hasCode(error, 'UNAVAILABLE') || hasCode(error, 'UNCERTAIN')
        if (isWorthIt && performance.now() < deadline) await backOff(BACK_OFF, attempt)
        else if (isWorthIt && isUncertain) throw uncertain(error)
        else throw error
      }
    }
  }

  #refuseIfClosed(): void {
    if (this.#closing === undefined) return
    const { namespace, instanceId } = this.#instance
    throw new RefusedError('closed', `the counter ${namespace} of ${instanceId} is closed`)
  }
}

function uncertain(cause: unknown): UncertainError {
  return new UncertainError(`whether the change was made is unknown: ${messageOf(cause)}`, { cause })
}

function checkMs(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidInputError(field, value, 'a whole number of milliseconds, 1 or more')
  }
}
