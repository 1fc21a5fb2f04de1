import type { Msg } from 'nats'
import type { Reply, Target } from './wire.js'

/** Whom a request is for: the subject of its only message, or all to whom it has messages, also those that are added up to its end. */
export type Targets = string | readonly Target[]

interface Pending {
  readonly targets: Targets
  readonly resolve: (reply: Reply) => void
  readonly isLast: ((msg: Msg) => boolean) | undefined
  /** When it was sent or last answered. */
  movedAt: number
}

/** Requests that wait for their answers, each under a token. One timer serves them all. */
export class PendingReplies {
  readonly #timeoutMs: number
  readonly #pending = new Map<number, Pending>()
  #lastToken = 0
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  add(targets: Targets, resolve: (reply: Reply) => void, isLast?: (msg: Msg) => boolean): number {
    const token = ++this.#lastToken
    this.#pending.set(token, { targets, resolve, isLast, movedAt: performance.now() })
    if (this.#timer === undefined) this.#startTimer(this.#timeoutMs)
    return token
  }

  has(token: number): boolean {
    return this.#pending.has(token)
  }

  answer(token: number, msg: Msg): void {
    const request = this.#pending.get(token)
    if (request === undefined) return
    if (isNoResponders(msg)) this.#end(token, request, { kind: 'no-responders' })
    else if (request.isLast === undefined || request.isLast(msg)) this.#end(token, request, { kind: 'msg', msg })
    else request.movedAt = performance.now()
  }

  settle(token: number, reply: Reply): void {
    const request = this.#pending.get(token)
    if (request !== undefined) this.#end(token, request, reply)
  }

  #end(token: number, { resolve }: Pending, reply: Reply): void {
    this.#pending.delete(token)
    resolve(reply)
  }

  loseAll(why: string): void {
    for (const token of this.#pending.keys()) this.settle(token, { kind: 'lost', why })
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The server has dropped what was sent to the subject. */
  forbid(subject: string): void {
    for (const [token, { targets }] of this.#pending) {
      if (!isFor(targets, subject)) continue
      this.settle(token, { kind: 'forbidden', why: `publishing to ${subject} is not permitted` })
    }
  }

  #giveUp(): void {
    this.#timer = undefined
    const now = performance.now()
    let soonest = Infinity
    for (const [token, { movedAt }] of this.#pending) {
      const left = movedAt + this.#timeoutMs - now
      if (left > 0) soonest = Math.min(soonest, left)
      else this.settle(token, { kind: 'lost', why: `no answer came within ${this.#timeoutMs} ms` })
    }
    if (soonest < Infinity) this.#startTimer(soonest)
  }

  #startTimer(ms: number): void {
    this.#timer = setTimeout(() => this.#giveUp(), ms)
  }
}

function isFor(targets: Targets, subject: string): boolean {
  return typeof targets === 'string' ? targets === subject : targets.some((target) => target.subject === subject)
}

function isNoResponders(msg: Msg): boolean {
  return msg.data.length === 0 && msg.headers?.code === 503
}
