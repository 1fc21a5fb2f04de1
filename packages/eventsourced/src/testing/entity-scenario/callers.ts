import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HandleCmdOptions } from '../../entity/request.js'
import { type Answer, type Attempt, describeAttempt, seqNoTold } from './attempt.js'
import type { Cmd } from './ledger.js'

/** A command about to be sent. */
export interface Sending {
  readonly entity: number
  readonly instance: string
  readonly cmd: (attempt: number) => Cmd
  readonly options: HandleCmdOptions
  readonly abort?: AbortController | undefined
  readonly send: (cmd: Cmd, options: HandleCmdOptions) => Promise<Answer>
}

/** Those who send commands: they know what they sent, what they were told, and in which order. */
export class Callers {
  readonly attempts: Attempt[] = []
  readonly #patienceMs: number
  #answers = 0
  /** The highest seqNos that were told, by anyone and by each instance. */
  readonly #told = new Map<string, number>()

  /** @param patienceMs how long they wait for answers */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  send({ entity, instance, cmd, options, abort, send }: Sending): Attempt {
    const number = this.attempts.length + 1
    const known = {
      byAnyone: this.toldOf(entity),
      byInstance: this.#told.get(`${entity} ${instance}`) ?? 0,
    }
    const sent = { number, entity, instance, cmd: cmd(number), known, abort }
    const withNumber = { ...options, metadata: { attempt: String(number) } }
    const answered = send(sent.cmd, withNumber).then((answer) => this.#hear(attempt, answer))
    const attempt: Attempt = { ...sent, options: withNumber, answered, answer: undefined, answerNumber: 0 }
    this.attempts.push(attempt)
    return attempt
  }

  /** The highest seqNo of an entity that anyone was told of. */
  toldOf(entity: number): number {
    return this.#told.get(`${entity}`) ?? 0
  }

  /** An instance did something from which it knows an entity up to a seqNo. */
  told(entity: number, instance: string, seqNo: number): void {
    for (const who of [`${entity}`, `${entity} ${instance}`]) {
      this.#told.set(who, Math.max(this.#told.get(who) ?? 0, seqNo))
    }
  }

  get unanswered(): readonly Attempt[] {
    return this.attempts.filter(({ answer }) => answer === undefined)
  }

  async oldestAnswered(): Promise<void> {
    await this.#inTime(this.unanswered.slice(0, 1))
  }

  async allAnswered(): Promise<void> {
    // While they wait others may come: another writer takes its chance when an append is due.
    while (this.unanswered.length > 0) await this.#inTime(this.unanswered)
  }

  async #inTime(attempts: readonly Attempt[]): Promise<void> {
    const over = new AbortController()
    const late = sleep(this.#patienceMs, 'late', { signal: over.signal }).catch(() => 'over')
    const first = await Promise.race([Promise.all(attempts.map(({ answered }) => answered)), late])
    over.abort()
    const silent = this.unanswered.map((attempt) => `\n  ${describeAttempt(attempt)}`).join('')
    assert.ok(first !== 'late', `commands without an answer after ${this.#patienceMs} ms:${silent}`)
  }

  #hear(attempt: Attempt, answer: Answer): void {
    attempt.answer = answer
    attempt.answerNumber = ++this.#answers
    const seqNo = seqNoTold(answer)
    if (seqNo !== undefined) this.told(attempt.entity, attempt.instance, seqNo)
  }
}
