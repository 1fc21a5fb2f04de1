import { ConflictError, type Persisted, UnavailableError, UncertainError } from 'eventsourced'
import { backOff } from '../../wire/back-off.js'
import type { Stream } from '../stream.js'
import { type Found, look } from './look.js'
import type { Outcome } from './outcome.js'
import { persistedOf, type Write } from './write.js'

/** Sends a write once. */
export type Send = (write: Write) => Promise<Outcome>

/**
 * Finds out what became of a write whose first try was not simply stored: sends the same again until it is known to be stored or
 * not, or the time is over.
 *
 * @throws {ConflictError | RefusedError | UnavailableError} if nothing is stored
 * @throws {UncertainError} if it may be stored
 */
export async function resolve(stream: Stream, write: Write, send: Send, first: Outcome): Promise<Persisted> {
  return new Resolution(stream, write, send).resolve(first)
}

class Resolution {
  readonly #stream: Stream
  readonly #write: Write
  readonly #send: Send
  readonly #deadline: number
  /** Whether any try may be stored, now or later. */
  #isUncertain = false

  constructor(stream: Stream, write: Write, send: Send) {
    this.#stream = stream
    this.#write = write
    this.#send = send
    this.#deadline = performance.now() + stream.timeoutMs
  }

  async resolve(first: Outcome): Promise<Persisted> {
    let outcome = first
    for (let attempt = 0; ; attempt++) {
      const persisted = await this.#judge(outcome)
      if (persisted !== undefined) return persisted
      if (performance.now() >= this.#deadline) throw this.#outOfTime(whyOf(outcome))
      // A tombstone in the way is known of at once; all else needs a moment.
      if (attempt > 0 || outcome.kind !== 'conflict') await backOff(attempt)
      if (!(await this.#stream.wire.whenConnected(this.#deadline - performance.now()))) {
        throw this.#outOfTime('there is no connection to NATS')
      }
      outcome = await this.#send(this.#write)
    }
  }

  /** What was stored, if it is now known; undefined if it should be tried again. */
  async #judge(outcome: Outcome): Promise<Persisted | undefined> {
    switch (outcome.kind) {
      case 'stored':
        return persistedOf(this.#write, outcome.lastSeq)
      case 'not-stored':
        return undefined
      case 'unknown':
        this.#isUncertain = true
        this.#stream.logger?.warn({ ...this.#about(), why: outcome.why }, 'an append may be stored or not: finding out')
        return this.#look(outcome)
      case 'conflict':
        return this.#look(outcome)
      case 'refused': {
        if (!this.#isUncertain) throw outcome.error
        // This try is refused, an earlier one may be stored all the same.
        const persisted = await this.#look(outcome)
        if (persisted === undefined) throw this.#uncertain(outcome.error.message)
        return persisted
      }
    }
  }

  async #look(outcome: Outcome): Promise<Persisted | undefined> {
    let found: Found
    try {
      found = await look(this.#stream, this.#write)
    } catch (error) {
      if (this.#isUncertain) throw this.#uncertain(`${whyOf(outcome)}; looking for it failed too`, error)
      throw error
    }
    switch (found.kind) {
      case 'ours':
        return persistedOf(this.#write, found.lastSeq)
      case 'partly':
        throw this.#uncertain(found.what)
      case 'others':
        throw new ConflictError(
          `${this.#name()}: ${found.what}, expected was ${JSON.stringify(this.#write.append.expected)}`,
        )
      case 'deleted':
        if (this.#isUncertain) throw this.#uncertain(found.what)
        throw new ConflictError(`${this.#name()}: ${found.what}`)
      case 'tombstone':
        this.#write.fence = found.seq
        return undefined
      case 'nothing':
        return undefined
    }
  }

  #outOfTime(why: string): UncertainError | UnavailableError {
    if (this.#isUncertain) return this.#uncertain(why)
    return new UnavailableError(`${this.#name()}: nothing was stored within ${this.#stream.timeoutMs} ms: ${why}`)
  }

  #uncertain(why: string, cause?: unknown): UncertainError {
    return new UncertainError(`${this.#name()} may be stored or not: ${why}`, { cause })
  }

  #name(): string {
    const { key, appendId } = this.#write.append
    return `append ${appendId} of ${key.typeName} ${key.id}`
  }

  #about(): object {
    const { key, appendId, expected } = this.#write.append
    return { ...key, appendId, expected }
  }
}

function whyOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'not-stored':
    case 'unknown':
      return outcome.why
    case 'conflict':
      return 'another message for it is being stored'
    case 'refused':
      return outcome.error.message
    case 'stored':
      return 'stored'
  }
}
