import { Turnstile } from './turnstile.js'

/** Work under way, within bounds, at most one piece for an id, begun in the order in which it comes. */
export class InFlight {
  readonly #turnstile: Turnstile
  readonly #byId = new Map<string, Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(max: { readonly count: number; readonly bytes: number }) {
    this.#turnstile = new Turnstile({ count: max.count, weight: max.bytes })
  }

  /** Begins work for an id, which holds so many bytes, once there is room. @throws what failed before */
  async begin(id: string, bytes: number, work: () => Promise<void>): Promise<void> {
    await this.#byId.get(id)
    await this.#turnstile.enter(bytes)
    const done = this.#run(work).finally(() => {
      this.#turnstile.leave(bytes)
      this.#byId.delete(id)
    })
    this.#byId.set(id, done)
    this.throwIfFailed()
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

  /** Nothing is begun once something has failed. */
  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return
    try {
      await work()
    } catch (error) {
      this.#failure ??= { error }
    }
  }
}
