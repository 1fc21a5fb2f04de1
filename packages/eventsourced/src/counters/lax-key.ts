import type { Logger } from 'pino'
import { hasCode, RefusedError } from '../errors.js'
import { isCount } from './check.js'
import { CounterOverflowError } from './counter-overflow-error.js'
import type { Counts } from './instance-aware-counter.js'
import type { Lanes } from './lanes.js'
import type { StrictInstanceAwareCounter } from './strict-counter.js'

/** What the keys of a lax counter share. All times are in milliseconds. */
export interface LaxKeys {
  readonly strict: StrictInstanceAwareCounter
  readonly flushInterval: number
  readonly allowedLag: number
  readonly logger: Logger | undefined
  /** One operation of a key at a time is with the strict counter: its answer then says what was not yet in it. */
  readonly lanes: Lanes
  /** When the last clear ended: what was read before is void. */
  clearedAt: number
}

interface Base extends Counts {
  /** When it was asked for, by `performance.now()`. */
  readonly askedAt: number
}

/** A change on its way. It keeps its id until it is known what became of it, so that it is made once. */
interface Flight {
  readonly delta: bigint
  readonly changeId: string
}

/** How long a flush that has failed waits, however short the interval. The strict counter has tried for its own time by then. */
const RETRY_MS = 500

/** One key of a lax counter: what the strict counter said last, and what it has not heard of yet. */
export class LaxKey {
  readonly #key: string
  readonly #keys: LaxKeys
  #base: Base = { total: 0n, own: 0n, askedAt: -Infinity }
  #flight: Flight | undefined
  #pending = 0n
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined
  #users = 0
  #isClosed = false

  constructor(key: string, keys: LaxKeys) {
    this.#key = key
    this.#keys = keys
  }

  /** Whether nothing would be lost with it. */
  get isIdle(): boolean {
    return this.#users === 0 && this.#pending === 0n && this.#flight === undefined && !this.isFresh
  }

  /** Whether what the strict counter said last may still be answered with. */
  get isFresh(): boolean {
    const { askedAt } = this.#base
    return askedAt >= this.#keys.clearedAt && performance.now() - askedAt <= this.#keys.allowedLag
  }

  /** Changes the delta, once the base is fresh. */
  add(delta: bigint): Counts {
    if (this.#isClosed) throw new RefusedError('closed', `the lax counter was closed before ${this.#key} was read`)
    const { total, own } = this.#counts()
    const counts = this.#fitting({ total: total + delta, own: own + delta })
    const pending = this.#pending + delta
    if (!isCount(pending)) throw new CounterOverflowError(this.#key, counts.own)
    this.#pending = pending
    this.#flushLater()
    return counts
  }

  /** The base with all that it does not hold yet. */
  counts(): Counts {
    return this.#fitting(this.#counts())
  }

  /** Has the base read again, and then does what needs a fresh one. */
  refreshed(action: () => Counts): Promise<Counts> {
    return this.#using(async () => {
      do await this.#refresh()
      while (this.#base.askedAt < this.#keys.clearedAt)
      return action()
    })
  }

  /** Has the strict counter learn of all that is pending. */
  flush(): Promise<void> {
    return this.#keys.lanes.run(this.#key, () => this.#sendAll())
  }

  /** Flushes, and then has the strict counter do something else. `after` is what its answer leaves behind. */
  through(change: () => Promise<Counts>, after: (answer: Counts) => Counts): Promise<Counts> {
    const turn = async (): Promise<Counts> => {
      await this.#sendAll()
      const askedAt = performance.now()
      const answer = await change()
      this.#base = { ...after(answer), askedAt }
      return answer
    }
    return this.#using(() => this.#keys.lanes.run(this.#key, turn))
  }

  /** Flushes for the last time: what comes later is refused. */
  close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    return this.flush()
  }

  /** Callers that come while the base is being read share the reading. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#keys.lanes
      .run(this.#key, () => this.#reread())
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  async #using<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#users += 1
    try {
      return await work()
    } finally {
      this.#users -= 1
    }
  }

  async #reread(): Promise<void> {
    // Something else may have come first and brought an answer.
    if (this.isFresh) return
    // What may or may not be in a reading can't be added to it: only its own answer tells.
    if (this.#flight !== undefined) return this.#send()
    const askedAt = performance.now()
    const { total, own } = await this.#keys.strict.get(this.#key)
    this.#base = { total, own, askedAt }
  }

  async #sendAll(): Promise<void> {
    if (this.#flight !== undefined) await this.#send()
    await this.#send()
  }

  async #send(): Promise<void> {
    if (this.#flight === undefined) {
      if (this.#pending === 0n) return
      this.#flight = { delta: this.#pending, changeId: this.#keys.strict.newChangeId() }
      this.#pending = 0n
    }
    const { delta, changeId } = this.#flight
    const askedAt = performance.now()
    try {
      const { total, own } = await this.#keys.strict.inc(this.#key, delta, { changeId })
      this.#base = { total, own, askedAt }
      this.#flight = undefined
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  /** Only a change of which nobody knows whether it is made must be sent as it was. */
  #failed(error: unknown): void {
    if (hasCode(error, 'UNCERTAIN') || this.#flight === undefined) return
    if (hasCode(error, 'CONFLICT')) {
      // Somebody has used the strict counter beside this one: it can't be found out any more.
      this.#keys.logger?.error({ err: error, key: this.#key, delta: this.#flight.delta }, 'a delta is given up')
    } else {
      this.#pending += this.#flight.delta
    }
    this.#flight = undefined
  }

  #flushLater(delay = this.#keys.flushInterval): void {
    const isClean = this.#pending === 0n && this.#flight === undefined
    if (this.#timer !== undefined || isClean || this.#isClosed) return
    this.#timer = setTimeout(() => void this.#flushNow(), delay)
  }

  async #flushNow(): Promise<void> {
    let delay = this.#keys.flushInterval
    try {
      await this.flush()
    } catch (error) {
      this.#keys.logger?.warn({ err: error, key: this.#key }, 'a flush failed: it is tried again')
      delay = Math.max(delay, RETRY_MS)
    }
    this.#timer = undefined
    this.#flushLater(delay)
  }

  #counts(): Counts {
    const { total, own } = this.#base
    const ahead = this.#pending + (this.#flight?.delta ?? 0n)
    return { total: total + ahead, own: own + ahead }
  }

  #fitting(counts: Counts): Counts {
    for (const value of [counts.total, counts.own]) {
      if (!isCount(value)) throw new CounterOverflowError(this.#key, value)
    }
    return counts
  }
}
