import type { Envelope } from './envelope.js'

/** The commands that wait for one entity, in the order of their arrival. */
export class Mailbox<Cmd, Evt> {
  #waiting: Envelope<Cmd, Evt>[] = []

  get size(): number {
    return this.#waiting.length
  }

  add(envelope: Envelope<Cmd, Evt>): void {
    // An array grown from nothing has room for 17, of which most entities need one.
    if (this.#waiting.length === 0) this.#waiting = [envelope]
    else this.#waiting.push(envelope)
  }

  /** All that wait, up to a number. */
  take(atMost: number): Envelope<Cmd, Evt>[] {
    if (this.#waiting.length > atMost) return this.#waiting.splice(0, atMost)
    const taken = this.#waiting
    this.#waiting = []
    return taken
  }
}
