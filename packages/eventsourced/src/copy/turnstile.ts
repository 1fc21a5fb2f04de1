/** Lets work in within bounds, in the order in which it comes. What is heavier than the bounds goes in alone. */
export class Turnstile {
  readonly #max: { readonly count: number; readonly weight: number }
  readonly #waiting: { readonly weight: number; readonly go: () => void }[] = []
  #count = 0
  #weight = 0

  constructor(max: { readonly count: number; readonly weight: number }) {
    this.#max = max
  }

  /** Waits for room. Whoever has entered must `leave` with the same weight. */
  async enter(weight: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#hasRoom()) this.#take(weight)
    else await new Promise<void>((go) => this.#waiting.push({ weight, go }))
  }

  leave(weight: number): void {
    this.#count--
    this.#weight -= weight
    while (this.#hasRoom()) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#take(next.weight)
      next.go()
    }
  }

  #hasRoom(): boolean {
    return this.#count < this.#max.count && this.#weight < this.#max.weight
  }

  #take(weight: number): void {
    this.#count++
    this.#weight += weight
  }
}
