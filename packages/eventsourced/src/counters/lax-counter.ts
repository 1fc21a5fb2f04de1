import type { Logger } from 'pino'
import { checkFields, checkPart } from '../entity/check-fields.js'
import { InvalidInputError, RefusedError } from '../errors.js'
import { MAX_TIMER } from '../max-timer.js'
import { checkCount, checkCounterName } from './check.js'
import type { Count, Counts, InstanceAwareCounter } from './instance-aware-counter.js'
import { Lanes } from './lanes.js'
import { LaxKey, type LaxKeys } from './lax-key.js'
import type { StrictInstanceAwareCounter } from './strict-counter.js'

/** How a lax counter works. All times are in milliseconds. */
export interface LaxCounterOptions {
  /** How long a delta waits before it is flushed; 20 by default. */
  readonly flushInterval?: number
  /** How old what is known of the other instances may be when it is answered with; 20 by default. */
  readonly allowedLag?: number
  /** Silent by default. Hears of flushes that fail. */
  readonly logger?: Logger
}

/**
 * A counter that buffers: `inc` and `dec` change a delta in this process and are answered at once, with what the strict counter said last and what it
 * has not heard of yet. A delta is flushed once, even where the answer to its flush is lost; while the store is away it is kept, in memory: a process that
 * is killed loses the deltas of its last `flushInterval`. All other changes flush first, and then go through at once.
 *
 * The strict counter is this one's from now on: it is closed with it, and must not be used beside it.
 *
 * @throws {InvalidInputError} naming the option
 * @example
 * const counter = laxCounter(await strictCounter(store, { namespace: 'requests' }))
 * await counter.inc('eu-west', 1)
 * await counter.close() // flushes
 */
export function laxCounter(strict: StrictInstanceAwareCounter, options: LaxCounterOptions = {}): InstanceAwareCounter {
  checkPart('strict', strict, ['inc', 'get', 'newChangeId'])
  checkFields('options', options, ['flushInterval', 'allowedLag', 'logger'])
  const { flushInterval = 20, allowedLag = 20, logger } = options
  checkMs('flushInterval', flushInterval, MAX_TIMER)
  checkMs('allowedLag', allowedLag, Infinity)
  return new LaxCounter({ strict, flushInterval, allowedLag, logger, lanes: new Lanes(), clearedAt: 0 })
}

/** From so many keys on those that hold nothing are looked for, each time that their number has doubled. */
const MANY_KEYS = 10_000

class LaxCounter implements InstanceAwareCounter {
  readonly #shared: LaxKeys
  readonly #keys = new Map<string, LaxKey>()
  #manyKeys = MANY_KEYS
  #closing: Promise<void> | undefined

  constructor(shared: LaxKeys) {
    this.#shared = shared
  }

  get instanceId(): string {
    return this.#shared.strict.instanceId
  }

  async inc(key: string, count: Count): Promise<Counts> {
    return this.#add(key, checkCount(count))
  }

  async dec(key: string, count: Count): Promise<Counts> {
    return this.#add(key, -checkCount(count))
  }

  async set(key: string, count: Count): Promise<Counts> {
    checkCount(count)
    return this.#key(key).through(() => this.#shared.strict.set(key, count), asAnswered)
  }

  async setOnInstance(key: string, count: Count): Promise<Counts> {
    checkCount(count)
    return this.#key(key).through(() => this.#shared.strict.setOnInstance(key, count), asAnswered)
  }

  async get(key: string): Promise<Counts> {
    const known = this.#key(key)
    return known.isFresh ? known.counts() : known.refreshed(() => known.counts())
  }

  async getByInstance(key: string): Promise<ReadonlyMap<string, bigint>> {
    await this.#key(key).flush()
    return this.#shared.strict.getByInstance(key)
  }

  async del(key: string): Promise<Counts> {
    return this.#key(key).through(
      () => this.#shared.strict.del(key),
      () => ({ total: 0n, own: 0n }),
    )
  }

  async delOnInstance(key: string): Promise<Counts> {
    return this.#key(key).through(
      () => this.#shared.strict.delOnInstance(key),
      ({ total }) => ({ total, own: 0n }),
    )
  }

  async clear(): Promise<void> {
    await this.#throughAll(() => this.#shared.strict.clear())
  }

  async clearOnInstance(): Promise<void> {
    await this.#throughAll(() => this.#shared.strict.clearOnInstance())
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const flushed = await Promise.allSettled([...this.#keys.values()].map((key) => key.close()))
    await this.#shared.strict.close()
    for (const one of flushed) if (one.status === 'rejected') throw one.reason
  }

  async #add(key: string, delta: bigint): Promise<Counts> {
    const known = this.#key(key)
    // What can't be answered is not counted either, so the base comes first.
    return known.isFresh ? known.add(delta) : known.refreshed(() => known.add(delta))
  }

  async #throughAll(clear: () => Promise<void>): Promise<void> {
    this.#refuseIfClosed()
    await Promise.all([...this.#keys.values()].map((key) => key.flush()))
    await clear()
    this.#shared.clearedAt = performance.now()
  }

  #key(name: string): LaxKey {
    this.#refuseIfClosed()
    const found = this.#keys.get(name)
    if (found !== undefined) return found
    const key = new LaxKey(checkCounterName('key', name), this.#shared)
    if (this.#keys.size >= this.#manyKeys) this.#dropIdle()
    this.#keys.set(name, key)
    return key
  }

  #dropIdle(): void {
    for (const [name, key] of this.#keys) if (key.isIdle) this.#keys.delete(name)
    this.#manyKeys = Math.max(MANY_KEYS, this.#keys.size * 2)
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new RefusedError('closed', `the lax counter of ${this.instanceId} is closed`)
  }
}

function asAnswered(answer: Counts): Counts {
  return answer
}

function checkMs(field: string, value: number, max: number): void {
  const isMs = value === Infinity || Number.isSafeInteger(value)
  if (!isMs || value < 0 || value > max) {
    throw new InvalidInputError(field, value, 'a whole number of milliseconds, 0 or more')
  }
}
