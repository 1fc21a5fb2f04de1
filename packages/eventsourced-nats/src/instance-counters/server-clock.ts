/**
 * The server's clock, as the times of its messages tell it: what the server called the time of a message, and what has passed since by a clock of ours that
 * nobody sets. It is late by the way of an acknowledgement, so that nobody is taken for dead too soon.
 */
export class ServerClock {
  #ahead = Date.now() - performance.now()

  /** Tells of a message of that time that was acknowledged just then, by `performance.now()`. */
  set(time: number, acknowledgedAt: number): void {
    this.#ahead = time - acknowledgedAt
  }

  now(): number {
    return performance.now() + this.#ahead
  }
}
