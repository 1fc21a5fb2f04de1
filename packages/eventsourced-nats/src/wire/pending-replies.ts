import { type Received, statusOf } from './header-block.js'
import type { Reply, Target } from './wire.js'

/** Whom a request is for: the subject of its only message, or all to whom it has messages, also those that are added up to its end. */
export type Targets = string | readonly Target[]

/** Whether a message is the last of an answer. */
export type IsLast = (msg: Received, token: number) => boolean

interface Pending {
  readonly token: number
  readonly targets: Targets
  readonly resolve: (reply: Reply) => void
  readonly isLast: IsLast | undefined
  /** When it was sent or last answered. */
  movedAt: number
}

const MIN_SLOTS = 1_024
const NO_RESPONDERS = 503

/**
 * Requests that wait for their answers, each under a token. One timer serves them all. They are kept in an array and not in a map: a map that
 * is always filled and emptied is made anew again and again, and what it leaves behind keeps alive what it held.
 */
export class PendingReplies {
  readonly #timeoutMs: number
  /** Each at its token, modulo the length, which is a power of two and at least twice as much as there are. */
  #slots = emptySlots(MIN_SLOTS)
  #count = 0
  #lastToken = 0
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  add(targets: Targets, resolve: (reply: Reply) => void, isLast?: IsLast): number {
    if (++this.#count * 2 > this.#slots.length) this.#grow()
    // One that takes long is passed over.
    while (this.#slots[this.#slotOf(++this.#lastToken)] !== undefined);
    const token = this.#lastToken
    this.#slots[this.#slotOf(token)] = { token, targets, resolve, isLast, movedAt: performance.now() }
    if (this.#timer === undefined) this.#startTimer(this.#timeoutMs)
    return token
  }

  has(token: number): boolean {
    return this.#get(token) !== undefined
  }

  answer(token: number, msg: Received): void {
    const request = this.#get(token)
    if (request === undefined) return
    if (isNoResponders(msg)) this.#end(request, { kind: 'no-responders' })
    else if (request.isLast === undefined || request.isLast(msg, token)) this.#end(request, { kind: 'msg', msg })
    else request.movedAt = performance.now()
  }

  settle(token: number, reply: Reply): void {
    const request = this.#get(token)
    if (request !== undefined) this.#end(request, reply)
  }

  loseAll(why: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { token } of this.#all()) this.settle(token, { kind: 'lost', why })
  }

  /** The server has dropped what was sent to the subject. */
  forbid(subject: string): void {
    for (const { token, targets } of this.#all()) {
      if (!isFor(targets, subject)) continue
      this.settle(token, { kind: 'forbidden', why: `publishing to ${subject} is not permitted` })
    }
  }

  #giveUp(): void {
    this.#timer = undefined
    const now = performance.now()
    let soonest = Infinity
    for (const { token, movedAt } of this.#all()) {
      const left = movedAt + this.#timeoutMs - now
      if (left > 0) soonest = Math.min(soonest, left)
      else this.settle(token, { kind: 'lost', why: `no answer came within ${this.#timeoutMs} ms` })
    }
    if (soonest === Infinity) return
    clearTimeout(this.#timer)
    this.#startTimer(soonest)
  }

  #startTimer(ms: number): void {
    this.#timer = setTimeout(() => this.#giveUp(), ms)
  }

  #slotOf(token: number): number {
    return token & (this.#slots.length - 1)
  }

  #get(token: number): Pending | undefined {
    const request = this.#slots[this.#slotOf(token)]
    return request?.token === token ? request : undefined
  }

  /** Those that wait now: whoever is answered may ask for more. */
  #all(): Pending[] {
    return this.#slots.filter((request) => request !== undefined)
  }

  #end({ token, resolve }: Pending, reply: Reply): void {
    this.#slots[this.#slotOf(token)] = undefined
    this.#count--
    resolve(reply)
  }

  #grow(): void {
    const all = this.#all()
    this.#slots = emptySlots(2 * this.#slots.length)
    for (const request of all) this.#slots[this.#slotOf(request.token)] = request
  }
}

function emptySlots(length: number): (Pending | undefined)[] {
  return Array.from({ length })
}

function isFor(targets: Targets, subject: string): boolean {
  return typeof targets === 'string' ? targets === subject : targets.some((target) => target.subject === subject)
}

function isNoResponders(msg: Received): boolean {
  return msg.data.length === 0 && statusOf(msg)?.code === NO_RESPONDERS
}
