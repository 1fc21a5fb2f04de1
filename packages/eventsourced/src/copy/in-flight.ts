/** Work under way, within bounds, at most one piece for an id, begun in the order in which it comes. */
export class InFlight {
  readonly #max: { readonly count: number; readonly bytes: number }
  readonly #byId = new Map<string, Promise<void>>()
  #bytes = 0
  #failure: { readonly error: unknown } | undefined

  constructor(max: { readonly count: number; readonly bytes: number }) {
    this.#max = max
  }

  /** Waits until there is room for work for an id. @throws what failed meanwhile */
  async room(id: string): Promise<void> {
    await this.#byId.get(id)
    while (this.#byId.size >= this.#max.count || this.#bytes >= this.#max.bytes) {
      await Promise.race(this.#byId.values())
    }
    this.throwIfFailed()
  }

  /** Begins work for an id, which holds so many bytes. */
  add(id: string, bytes: number, work: () => Promise<void>): void {
    this.#bytes += bytes
    const done = work()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#bytes -= bytes
        this.#byId.delete(id)
      })
    this.#byId.set(id, done)
  }

  /** Waits until nothing is under way. */
  async ended(): Promise<void> {
    await Promise.all(this.#byId.values())
  }

  throwIfFailed(): void {
    // It is thrown as it came.
    // oxlint-disable-next-line typescript/only-throw-error
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
