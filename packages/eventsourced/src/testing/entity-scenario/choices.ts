/** Gives one random whole number after another, 0 or more. */
export type Numbers = () => number

/** The numbers of a list, and then zeros. */
export function listedNumbers(list: readonly number[]): Numbers {
  let index = 0
  return () => list[index++] ?? 0
}

/** Random numbers of 32 bits, always the same for the same seed (mulberry32). */
export function seededNumbers(seed: number): Numbers {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** Turns numbers into choices. A 0 chooses what stands first: the simplest. */
export class Choices {
  readonly #next: Numbers

  constructor(next: Numbers) {
    this.#next = next
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return this.#next() % count
  }

  oneOf<Option>(first: Option, ...others: readonly Option[]): Option {
    return [first, ...others][this.below(others.length + 1)] ?? first
  }

  /** Whether the one case in `count` is met. */
  oneIn(count: number): boolean {
    return this.below(count) === count - 1
  }
}
