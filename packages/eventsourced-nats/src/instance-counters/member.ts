import { UnavailableError } from 'eventsourced'
import type { CounterInstance } from 'eventsourced/counters'
import { nuid } from 'nats'
import { backOff } from '../wire/back-off.js'
import type { StoredMsg } from '../evt-log/stored-msg.js'
import { read } from '../kv/bucket.js'
import { compareAndSwap, type CounterBucket, ttlOf } from './bucket.js'
import { decodeInstance, encodeInstance, instanceKey } from './entries.js'
import { ServerClock } from './server-clock.js'

/** What time it is in a store: by the clock that was handed in, or else by the server's. */
export interface Clocks {
  readonly given: (() => number) | undefined
  readonly server: ServerClock
}

/** Until when an instance is alive and remembered, by its entry. */
export interface Lifetime {
  readonly generation: string
  readonly aliveUntil: number
  readonly forgottenFrom: number
}

const ATTEMPTS = 20
/** What part of its lifetime a heartbeat may be old before an operation sends another. */
const FRESH = 1 / 1_000

export function nowOf({ given, server }: Clocks): number {
  return given === undefined ? server.now() : given()
}

/** How long an instance lives by its entry, and since when that was stored; undefined if it has none. */
export function lifetimeOf(msg: StoredMsg | undefined): Lifetime | undefined {
  const entry = decodeInstance(msg)
  if (msg === undefined || entry === undefined) return undefined
  const aliveUntil = (entry.at ?? msg.time.getTime()) + entry.aliveFor
  return { generation: entry.generation, aliveUntil, forgottenFrom: aliveUntil + entry.rememberedFor }
}

/**
 * An instance of this process: keeps its entry in the bucket. Only this process writes it, one write at a time; but a write that was given up may still
 * arrive, so each names the revision that it replaces.
 */
export class Member {
  readonly #bucket: CounterBucket
  readonly #clocks: Clocks
  readonly #instance: CounterInstance
  readonly #key: string
  #lane: Promise<unknown> = Promise.resolve()
  #generation: string | undefined
  #revision: number | undefined
  #beatAt = -Infinity

  constructor(bucket: CounterBucket, clocks: Clocks, instance: CounterInstance) {
    this.#bucket = bucket
    this.#clocks = clocks
    this.#instance = instance
    this.#key = instanceKey(instance.namespace, instance.instanceId)
  }

  /** Sends a heartbeat, and has the server's clock read by it. */
  heartbeat(): Promise<void> {
    return this.#inLane(async () => {
      const revision = await this.#write()
      const acknowledgedAt = performance.now()
      if (this.#clocks.given !== undefined) return
      const entry = await read(this.#bucket, this.#key)
      if (entry?.seq === revision) this.#clocks.server.set(entry.time.getTime(), acknowledgedAt)
    })
  }

  /** A heartbeat with an operation, if the last one is not as good. Answers with the instance's generation. */
  async beat(): Promise<string> {
    const isFresh = Math.abs(nowOf(this.#clocks) - this.#beatAt) <= this.#instance.deadInstanceThreshold * FRESH
    if (!isFresh || this.#generation === undefined) await this.#inLane(() => this.#write())
    return this.#generation ?? ''
  }

  /** Begins a new generation: all slices of the older one are void. */
  async renew(generation: string): Promise<void> {
    await this.#inLane(() => this.#write({ generation }))
  }

  /** Takes the instance out at once. Its generation stays. */
  async leave(): Promise<void> {
    await this.#inLane(() => this.#write({ hasLeft: true }))
    this.#beatAt = -Infinity
  }

  #inLane<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#lane.then(work, work)
    this.#lane = done
    return done
  }

  async #write(over: { readonly generation?: string; readonly hasLeft?: boolean } = {}): Promise<number> {
    const { deadInstanceThreshold, forgetAfter } = this.#instance
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 1) await backOff(attempt)
      const now = nowOf(this.#clocks)
      await this.#refresh(now)
      const generation = over.generation ?? this.#generation ?? nuid.next()
      const aliveFor = over.hasLeft === true ? 0 : deadInstanceThreshold
      const at = this.#clocks.given === undefined ? {} : { at: now }
      const ttl = ttlOf(deadInstanceThreshold + forgetAfter)
      const data = encodeInstance({ generation, aliveFor, rememberedFor: forgetAfter, ...at })
      const put = { key: this.#key, data, what: `the instance ${this.#instance.instanceId}`, ttl }
      const expected = this.#revision ?? 0
      this.#revision = undefined
      const revision = await compareAndSwap(this.#bucket, put, expected)
      if (revision === undefined) continue
      this.#revision = revision
      this.#generation = generation
      this.#beatAt = now
      return revision
    }
    throw new UnavailableError(
      `another process writes the entry of ${this.#instance.instanceId}: is its id used twice?`,
    )
  }

  /** Reads the entry where it is not known, and forgets the generation of an instance that was away for too long. */
  async #refresh(now: number): Promise<void> {
    const { deadInstanceThreshold, forgetAfter } = this.#instance
    if (this.#beatAt + deadInstanceThreshold + forgetAfter <= now) this.#revision = undefined
    if (this.#revision !== undefined) return
    const entry = await read(this.#bucket, this.#key)
    const lifetime = lifetimeOf(entry)
    this.#revision = entry?.seq ?? 0
    this.#generation = lifetime !== undefined && lifetime.forgottenFrom > now ? lifetime.generation : undefined
  }
}
