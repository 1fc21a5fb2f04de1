import { EventSourcedError } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Envelope } from './envelope.js'

/** How many commands may wait, and what one more meets. */
export interface MailboxLimits {
  readonly mailboxSize: number
  readonly mailboxFull: 'wait' | 'fail'
}

/** The commands that wait for one entity, in the order of their arrival. */
export class Mailbox<Cmd, Evt> {
  /** Undefined if there are none: most of many live entities have none most of the time. */
  #waiting: Envelope<Cmd, Evt>[] | undefined
  /** How many of them were withdrawn since. They hold no place, and are never more than those that still wait. */
  #withdrawn = 0

  get size(): number {
    return (this.#waiting?.length ?? 0) - this.#withdrawn
  }

  /** Lets a command wait, or fails it where the mailbox is full and so configured: then nothing of it happened. */
  offer(envelope: Envelope<Cmd, Evt>, key: EntityKey, { mailboxSize, mailboxFull }: MailboxLimits): boolean {
    if (mailboxFull === 'fail' && this.size >= mailboxSize) {
      const message = `${mailboxSize} commands wait already for ${nameOf(key)}: try later`
      envelope.reject(new EventSourcedError('MAILBOX_FULL', message))
      return false
    }
    // An array grown from nothing has room for 17, of which most entities need one.
    if (this.#waiting === undefined) this.#waiting = [envelope]
    else this.#waiting.push(envelope)
    envelope.waitIn(this)
    return true
  }

  /** Frees the place of a command whose caller gave up. */
  withdrawn(): void {
    this.#withdrawn += 1
    if (this.#withdrawn > this.size) this.#clear()
  }

  #clear(): void {
    this.#waiting = this.#waiting?.filter(({ isSettled }) => !isSettled)
    this.#withdrawn = 0
  }

  /** All that wait, up to a number. */
  take(atMost = Infinity): Envelope<Cmd, Evt>[] {
    if (this.#withdrawn > 0) this.#clear()
    const waiting = this.#waiting
    if (waiting === undefined) return []
    if (waiting.length > atMost) return waiting.splice(0, atMost)
    this.#waiting = undefined
    return waiting
  }
}
