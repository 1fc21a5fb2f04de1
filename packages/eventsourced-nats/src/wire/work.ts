/** Counts what is under way, so that a close can wait for it. */
export class Work {
  #count = 0
  #waiting: (() => void)[] = []

  /** Begins a piece of work, which must end. */
  begin(): void {
    this.#count++
  }

  readonly end = (): void => {
    if (--this.#count === 0) this.#wakeAll()
  }

  /** Does a piece of work; it counts until it is done. What it throws at once is thrown. */
  do<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = work()
    this.begin()
    // Beside the result and not in between: nobody waits longer for it.
    result.then(this.end, this.end)
    return result
  }

  /** Waits until nothing is under way. */
  async finished(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((wake) => this.#waiting.push(wake))
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
