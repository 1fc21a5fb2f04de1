/** Fewer appends are not written in turns: what another commit costs would outweigh what is gained by not waiting for callers. */
const MIN_IN_TURNS = 128

/**
 * Judges whether appends are written in turns, halves of what waits: where there are many, and nobody else appends. Other processes keep the server
 * busy while callers are answered; and whoever queues for the lock among them does best to bring all that it has.
 */
export class Turns {
  #nextPosition: number | undefined
  #isOnly = false

  /** Takes note of a batch that was written. Where no other has taken positions since the last one, its own follow on that's. */
  written(firstPosition: number, evtCount: number): void {
    this.#isOnly = firstPosition === this.#nextPosition
    this.#nextPosition = firstPosition + evtCount
  }

  /** How many of so many appends go in a turn; Infinity where they don't go in turns. */
  half(appends: number): number {
    return this.#isOnly && appends >= MIN_IN_TURNS ? Math.ceil(appends / 2) : Infinity
  }
}
