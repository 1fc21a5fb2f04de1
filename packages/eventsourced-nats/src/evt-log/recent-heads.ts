import type { MsgHead } from './evt-message.js'

const MAX_HEADS = 262_144

/**
 * The heads that this log has lately stored or read, by subject. One may be older than the entity's, never newer, and it was the
 * entity's once: good for comparing an expected head with, and as a lower bound.
 */
export class RecentHeads {
  readonly #heads = new Map<string, MsgHead>()
  #highest = 0

  /** The highest stream sequence of which this log knows. The stream has reached it, whatever anybody answers. */
  get highest(): number {
    return this.#highest
  }

  /** Takes note of a message that was stored or read. */
  reached(seq: number): void {
    if (seq > this.#highest) this.#highest = seq
  }

  get(subject: string): MsgHead | undefined {
    return this.#heads.get(subject)
  }

  set(subject: string, head: MsgHead): void {
    this.reached(head.seq)
    this.#heads.set(subject, head)
    if (this.#heads.size <= MAX_HEADS) return
    const [oldest] = this.#heads.keys()
    if (oldest !== undefined) this.#heads.delete(oldest)
  }
}
