import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { CounterStore } from '../../counters/counter-store.js'
import type { Count, Counts, InstanceAwareCounter } from '../../counters/instance-aware-counter.js'
import { laxCounter, type LaxCounterOptions } from '../../counters/lax-counter.js'
import {
  strictCounter,
  type StrictCounterOptions,
  type StrictInstanceAwareCounter,
} from '../../counters/strict-counter.js'
import type { Faults } from '../faults.js'
import { type CounterStoreOperation, FaultyCounterStore } from '../faulty-counter-store.js'
import { type SuiteCase, suiteCase } from '../suite-case.js'

/** Stores of counters under test, and the world around them. */
export interface InstanceAwareCounterSubject {
  /** The clock that all its stores go by, in milliseconds since 1970. The case turns it, forwards only. */
  readonly clock: { now: number }
  /** Another store over the same counters, as another process would open it. */
  open(): Promise<CounterStore>
  /** Closes all stores, and lets go of everything that was needed for them. */
  close(): Promise<void>
}

/** After how long an instance of a case is dead, and after how long more it is forgotten. */
export const DEAD_MS = 30_000
export const FORGOTTEN_MS = 3_600_000

/** What a case plays on. */
export interface Stage {
  readonly namespace: string
  /** A new instance's counter, on a store of its own. Its heartbeats are in the case's hand. */
  readonly strict: (over?: Partial<StrictCounterOptions>) => Promise<StrictInstanceAwareCounter>
  /** The same, on a store that fails on request. */
  readonly faulty: (over?: Partial<StrictCounterOptions>) => Promise<FaultyCounter>
  /** A lax counter over such a one. What nobody asks for is not flushed within the case. */
  readonly lax: (over?: LaxCounterOptions) => Promise<LaxOnStage>
  /** Lets time go by. */
  readonly pass: (ms: number) => void
}

export interface FaultyCounter {
  readonly counter: StrictInstanceAwareCounter
  readonly store: FaultyCounterStore
  readonly faults: Faults<CounterStoreOperation>
}

export interface LaxOnStage {
  readonly counter: InstanceAwareCounter
  readonly faults: Faults<CounterStoreOperation>
}

/** A flush interval that is over in no case. */
export const NEVER = 2 ** 31 - 1

export function counterCase(
  name: string,
  body: (stage: Stage) => Promise<void>,
): SuiteCase<InstanceAwareCounterSubject> {
  return suiteCase(name, async (subject) => {
    const opened: InstanceAwareCounter[] = []
    try {
      await body(stageOf(subject, opened))
    } finally {
      await Promise.allSettled(opened.map((one) => one.close()))
    }
  })
}

/** The stage of a case; what is opened on it is listed. */
export function stageOf(subject: InstanceAwareCounterSubject, opened: InstanceAwareCounter[]): Stage {
  const namespace = `ns-${randomUUID()}`
  const faulty = async (over: Partial<StrictCounterOptions> = {}): Promise<FaultyCounter> => {
    const store = new FaultyCounterStore(await subject.open())
    const counter = await strictCounter(store, {
      namespace,
      deadInstanceThreshold: DEAD_MS,
      forgetAfter: FORGOTTEN_MS,
      heartbeatInterval: Infinity,
      ...over,
    })
    opened.push(counter)
    return { counter, store, faults: store.faults }
  }
  return {
    namespace,
    faulty,
    strict: async (over) => (await faulty(over)).counter,
    lax: async (over) => {
      const { counter: strict, faults } = await faulty()
      const counter = laxCounter(strict, { flushInterval: NEVER, allowedLag: 0, ...over })
      opened.push(counter)
      return { counter, faults }
    },
    pass: (ms) => {
      subject.clock.now += ms
    },
  }
}

/** That an operation answers with this total and this slice. */
export async function assertCounts(actual: Promise<Counts>, total: Count, own: Count): Promise<void> {
  const counts = await actual
  assert.deepEqual({ total: counts.total, own: counts.own }, { total: BigInt(total), own: BigInt(own) })
}
