/** One who waits for a turn, and who comes after. */
interface Waiting {
  readonly wake: () => void
  next: Waiting | undefined
}

/** Lets only so many work at once. The others wait, and get their turns in the order in which they came. */
export class Turns {
  #free: number
  /** A chain: whoever waits comes and goes at the same small cost, however many there are. */
  #first: Waiting | undefined
  #last: Waiting | undefined

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Does something in a turn of its own. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((wake) => this.#queue(wake))
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  #queue(wake: () => void): void {
    const waiting: Waiting = { wake, next: undefined }
    if (this.#last === undefined) this.#first = waiting
    else this.#last.next = waiting
    this.#last = waiting
  }

  /** Hands a turn to who waits longest: nobody who comes meanwhile can take it. */
  #pass(): void {
    const first = this.#first
    if (first === undefined) {
      this.#free += 1
      return
    }
    this.#first = first.next
    if (this.#first === undefined) this.#last = undefined
    first.wake()
  }
}
