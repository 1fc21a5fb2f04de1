/** Lets a loop sleep until something happens. What happens while it is awake is not missed: it doesn't fall asleep then. */
export class Waker {
  #isAwake = false
  readonly #sleepers = new Set<() => void>()

  wake(): void {
    this.#isAwake = true
    for (const sleeper of this.#sleepers) sleeper()
  }

  /** Ends with the next wake, or when the time is over. The loop's own: at most one at a time. */
  async wait(ms: number): Promise<void> {
    if (!this.#isAwake) await this.#asleep(ms)
    this.#isAwake = false
  }

  /** Ends with the next wake, for onlookers. */
  changed(): Promise<void> {
    return this.#asleep(undefined)
  }

  #asleep(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const sleeper = () => {
        clearTimeout(timer)
        this.#sleepers.delete(sleeper)
        resolve()
      }
      const timer = ms === undefined || ms === Infinity ? undefined : setTimeout(sleeper, ms)
      this.#sleepers.add(sleeper)
    })
  }
}
