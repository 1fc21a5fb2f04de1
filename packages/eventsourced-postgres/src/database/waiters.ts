import { SLICE_COUNT } from 'eventsourced'

/** A live reader's ear. */
export interface Watch {
  /** A number that changes with each wake-up: taken before a read, it tells whether the read has missed one. */
  readonly count: () => number
  /** Waits until the number is another one than `count`, or the time is over. Rejects with the signal's reason. */
  readonly changed: (count: number, timeoutMs: number, signal: AbortSignal) => Promise<void>
  readonly stop: () => void
}

interface OfTopic {
  count: number
  watches: number
  readonly wakes: Set<() => void>
}

/** The topic of an entity's slice of a type. The topic of a type is its name, which has no dot. */
export function sliceTopic(typeName: string, slice: number): string {
  return `${typeName}.${slice}`
}

/** The live readers that wait, by what they wait for: a type, or a slice of it, so that not all readers of single entities wake at once. */
export class Waiters {
  readonly #byTopic = new Map<string, OfTopic>()

  get isEmpty(): boolean {
    return this.#byTopic.size === 0
  }

  watch(topic: string): Watch {
    const of = this.#byTopic.get(topic) ?? { count: 0, watches: 0, wakes: new Set() }
    this.#byTopic.set(topic, of)
    of.watches++
    return {
      count: () => of.count,
      changed: async (count, timeoutMs, signal) => {
        if (of.count === count) await wait(of.wakes, timeoutMs, signal)
      },
      stop: () => {
        if (--of.watches === 0) this.#byTopic.delete(topic)
      },
    }
  }

  /** Wakes those who wait for one of the topics, for a type of theirs, or for a slice of theirs; all, if none is given. */
  wake(topics?: readonly string[]): void {
    for (const topic of topics === undefined ? this.#byTopic.keys() : this.#concerned(topics)) {
      const of = this.#byTopic.get(topic)
      if (of === undefined) continue
      of.count++
      for (const wake of of.wakes) wake()
    }
  }

  #concerned(topics: readonly string[]): Set<string> {
    const concerned = new Set(topics)
    for (const topic of topics) {
      const [typeName = '', slice] = topic.split('.')
      if (slice !== undefined) concerned.add(typeName)
      else for (let each = 0; each < SLICE_COUNT; each++) concerned.add(sliceTopic(typeName, each))
    }
    return concerned
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
