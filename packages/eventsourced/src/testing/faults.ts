/** What goes wrong with one call. */
export interface Fault {
  /** `before`: the call does nothing and fails. `after`: it is carried out, and its answer is lost. */
  readonly when: 'before' | 'after'
  readonly error: Error
}

/** A call that is held back. */
export interface Held {
  /** Resolves when a call has arrived and waits. */
  readonly arrived: Promise<void>
  /** Lets it go on. */
  readonly release: () => void
}

class Gate {
  #open: () => void = () => {}
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve
  })

  open(): void {
    this.#open()
  }
}

type Step = (proceed: () => Promise<unknown>) => Promise<void>

/** What is to go wrong with the next calls of each operation, in the order in which it was asked for. */
export class Faults<Operation extends string> {
  readonly #steps = new Map<Operation, Step[]>()
  readonly #counts = new Map<Operation, number>()
  #cutOff: Error | undefined

  /** How many calls of an operation there were. */
  count(operation: Operation): number {
    return this.#counts.get(operation) ?? 0
  }

  /** Makes the next calls fail, one by default. */
  fail(operation: Operation, fault: Fault, times = 1): void {
    for (let time = 0; time < times; time++) this.#add(operation, (proceed) => carryOut(fault, proceed))
  }

  /** Does something else just before the next call, such as writing what another process would. */
  before(operation: Operation, action: () => Promise<unknown>): void {
    this.#add(operation, async () => {
      await action()
    })
  }

  /** Holds the next call back until it is released; then it goes on, or fails if a fault is given. */
  hold(operation: Operation, fault?: Fault): Held {
    const gate = new Gate()
    const arrived = new Promise<void>((resolve) => {
      this.#add(operation, async (proceed) => {
        resolve()
        await gate.opened
        if (fault !== undefined) await carryOut(fault, proceed)
      })
    })
    return { arrived, release: () => gate.open() }
  }

  /**
   * Fails the next call at once, and carries it out when it is released, unbeknownst to its caller: a request that is given up while it is
   * still on its way.
   */
  late(operation: Operation, error: Error): Held {
    const gate = new Gate()
    const arrived = new Promise<void>((resolve) => {
      this.#add(operation, async (proceed) => {
        resolve()
        void gate.opened.then(proceed).catch(() => undefined)
        throw error
      })
    })
    return { arrived, release: () => gate.open() }
  }

  /** Makes all calls fail that come from now on, of whatever operation, as if the other side could not be reached. */
  cutOff(error: Error): void {
    this.#cutOff = error
  }

  /** Nothing goes wrong any more. */
  clear(): void {
    this.#cutOff = undefined
    this.#steps.clear()
  }

  /** Carries out a call, or what is to go wrong with it. */
  async run<Result>(operation: Operation, call: () => Promise<Result>): Promise<Result> {
    this.#counts.set(operation, this.count(operation) + 1)
    if (this.#cutOff !== undefined) throw this.#cutOff
    await this.#steps.get(operation)?.shift()?.(call)
    return call()
  }

  #add(operation: Operation, step: Step): void {
    const steps = this.#steps.get(operation) ?? []
    this.#steps.set(operation, [...steps, step])
  }
}

async function carryOut({ when, error }: Fault, proceed: () => Promise<unknown>): Promise<never> {
  if (when === 'after') await proceed()
  throw error
}
