/** A live reader's ear. */
export interface Watch {
  /** A number that changes with each wake-up: taken before a read, it tells whether the read has missed one. */
  readonly count: () => number
  /** Waits until the number is another one than `count`, or the time is over. Rejects with the signal's reason. */
  readonly changed: (count: number, timeoutMs: number, signal: AbortSignal) => Promise<void>
  readonly stop: () => void
}

interface OfType {
  count: number
  watches: number
  readonly wakes: Set<() => void>
}

/** The live readers that wait, by the type that they wait for. */
export class Waiters {
  readonly #byType = new Map<string, OfType>()

  get isEmpty(): boolean {
    return this.#byType.size === 0
  }

  watch(typeName: string): Watch {
    const of = this.#byType.get(typeName) ?? { count: 0, watches: 0, wakes: new Set() }
    this.#byType.set(typeName, of)
    of.watches++
    return {
      count: () => of.count,
      changed: async (count, timeoutMs, signal) => {
        if (of.count === count) await wait(of.wakes, timeoutMs, signal)
      },
      stop: () => {
        if (--of.watches === 0) this.#byType.delete(typeName)
      },
    }
  }

  /** Wakes those who wait for one of the types; all, if none is given. */
  wake(typeNames: Iterable<string> = this.#byType.keys()): void {
    for (const typeName of typeNames) {
      const of = this.#byType.get(typeName)
      if (of === undefined) continue
      of.count++
      for (const wake of of.wakes) wake()
    }
  }
}

function wait(wakes: Set<() => void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer)
      wakes.delete(wake)
      signal.removeEventListener('abort', onAbort)
    }
    const wake = (): void => {
      done()
      resolve()
    }
    const onAbort = (): void => {
      done()
      // An abort reason may be anything, and is passed on as it is.
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      reject(signal.reason)
    }
    const timer = setTimeout(wake, timeoutMs)
    wakes.add(wake)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
}
