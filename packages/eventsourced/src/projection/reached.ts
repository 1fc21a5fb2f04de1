import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourcedError, RefusedError } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import { sliceOf } from '../log/slice.js'
import type { OffsetStore } from './offset-store.js'
import { groupOf, type ProjectionKey } from './projection-key.js'
import { readRegistry, versionOf } from './registry.js'
import { checkedWait, sleepUntil, type Waiting, type WaitOptions } from './wait-options.js'

/** What was stored, as an accepted command's result tells it. */
export interface Stored {
  readonly key: EntityKey
  readonly position: number
}

interface Waiter {
  readonly since: number
  readonly slice: number
  readonly position: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * How often the store is asked while anybody waits, in milliseconds: the longer they have waited, the more seldom, lest it cost those time that they wait for.
 * Slices of this process tell by themselves.
 */
const LOOK_MS = { least: 15, most: 250, share: 0.1 }

/** Those who wait for a projection to come as far as what they have written. However many they are, the store is asked once for all. */
export class Waiters {
  readonly #store: OffsetStore
  readonly #key: ProjectionKey
  readonly #waiting = new Set<Waiter>()
  #looking = false
  #isClosed = false

  constructor(store: OffsetStore, key: ProjectionKey) {
    this.#store = store
    this.#key = key
  }

  /** A slice has come so far. */
  moved(slice: number, position: number): void {
    for (const waiter of this.#waiting) {
      if (waiter.slice !== slice || waiter.position > position) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** Whoever still waits is told that nobody looks any longer, and so is who comes later. */
  close(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting) reject(this.#closed())
    this.#waiting.clear()
  }

  /**
   * Ends once an event, and all of its entity's before it, are handled or skipped.
   *
   * @throws {EventSourcedError} `NOT_REACHED` at the deadline, `PARKED` if one of them is parked; the signal's reason
   * @throws {RefusedError} `closed` once it is closed
   */
  async reached({ key, position }: Stored, options: WaitOptions = {}): Promise<void> {
    const waiting = checkedWait(options)
    if (this.#isClosed) throw this.#closed()
    if (position > 0) await this.#wait({ key, position }, waiting)
    for await (const { evt } of this.#store.parked(this.#key, { slice: sliceOf(key.id), id: key.id })) {
      if (evt.position > position) break
      throw new EventSourcedError(
        'PARKED',
        `event ${evt.seqNo} of ${nameOf(key)} is parked by ${groupOf(this.#key)}: the read model lacks it until it is retried`,
      )
    }
  }

  async #wait({ key, position }: Stored, { deadline, signal }: Waiting): Promise<void> {
    // What was handled before a reset does not count: it comes again.
    while (await this.#isToBeReset(sliceOf(key.id))) {
      if (Date.now() >= deadline.getTime()) throw this.#notReached({ key, position }, deadline)
      signal?.throwIfAborted()
      await sleep(LOOK_MS.least)
      if (this.#isClosed) throw this.#closed()
    }
    signal?.throwIfAborted()
    const over = new AbortController()
    const come = new Promise<void>((resolve, reject) => {
      const waiter = { since: performance.now(), slice: sliceOf(key.id), position, resolve, reject }
      this.#waiting.add(waiter)
      over.signal.addEventListener('abort', () => this.#waiting.delete(waiter))
    })
    const signals = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
    const late = sleepUntil(deadline, signals).then(
      () => {
        throw this.#notReached({ key, position }, deadline)
      },
      () => signal?.throwIfAborted(),
    )
    void this.#look()
    try {
      await Promise.race([come, late])
    } finally {
      over.abort()
    }
  }

  #notReached({ key, position }: Stored, deadline: Date): EventSourcedError {
    return new EventSourcedError(
      'NOT_REACHED',
      `${groupOf(this.#key)} has not come to position ${position} in the slice of ${nameOf(key)} by ${deadline.toISOString()}: its status says why`,
    )
  }

  #closed(): RefusedError {
    return new RefusedError('closed', `${groupOf(this.#key)} is stopped in this process: start it again to wait for it`)
  }

  /** Whether a reset of a slice was asked for and is not carried out yet, or may be so. */
  async #isToBeReset(slice: number): Promise<boolean> {
    try {
      const { registry } = await readRegistry(this.#store, this.#key.name)
      const requests = versionOf(registry, this.#key)?.requests ?? []
      return requests.some((request) => request.kind === 'reset' && request.slice === slice)
    } catch {
      // The deadline bounds this.
      return true
    }
  }

  /** Asks the store for as long as anybody waits. */
  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    while (this.#waiting.size > 0) {
      const slices = [...new Set([...this.#waiting].map(({ slice }) => slice))]
      try {
        for (const { slice, offset } of await this.#store.slices(this.#key, slices)) this.moved(slice, offset.position)
      } catch {
        // The deadline bounds this.
      }
      if (this.#waiting.size > 0) await sleep(this.#lookMs())
    }
    this.#looking = false
  }

  #lookMs(): number {
    const youngest = Math.max(...[...this.#waiting].map(({ since }) => since))
    return Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, (performance.now() - youngest) * LOOK_MS.share))
  }
}
