import assert from 'node:assert/strict'
import type { CounterChange, CounterInstance, CounterStore } from '../../counters/counter-store.js'
import type { Counts } from '../../counters/instance-aware-counter.js'
import { appendIds } from '../../log/append-id.js'
import { memoryCounters } from '../counters/memory-counters.test.fixture.js'
import { instanceAwareCounterSuite } from '../instance-aware-counter-suite.js'
import { caseNamed } from './otherwise.test.helper.js'

/** What is wrong with a counter store. */
export interface CounterFlaw {
  /** Ends the sentence "a counter store that …". */
  readonly flaw: string
  /** What it does otherwise than the sound one beneath it. */
  readonly otherwise: (sound: CounterStore) => Partial<CounterStore>
  /** The names of cases that must fail. */
  readonly caughtBy: readonly string[]
}

export const newChangeId = appendIds()

/** That the suite reports the flaw, by each of the cases that are to. */
export async function assertReported({ otherwise, caughtBy }: CounterFlaw): Promise<void> {
  const create = memoryCounters((sound) => {
    const face = faceOf(sound)
    return { ...face, ...otherwise(face) }
  })
  for (const name of caughtBy) {
    const { run } = caseNamed(instanceAwareCounterSuite, name)
    await assert.rejects(run(create, { deadlineMs: 2_000 }), `not reported by "${name}"`)
  }
}

/** A store as an object that can be spread. */
export function faceOf(store: CounterStore): CounterStore {
  return {
    heartbeat: (instance) => store.heartbeat(instance),
    get: (instance, key) => store.get(instance, key),
    slices: (instance, key) => store.slices(instance, key),
    change: (instance, key, change, changeId) => store.change(instance, key, change, changeId),
    clear: (instance, changeId) => store.clear(instance, changeId),
    clearOnInstance: (instance, changeId) => store.clearOnInstance(instance, changeId),
    leave: (instance) => store.leave(instance),
    close: () => store.close(),
  }
}

export function instancesAs(
  store: CounterStore,
  as: (instance: CounterInstance) => CounterInstance,
): Partial<CounterStore> {
  return {
    heartbeat: (instance) => store.heartbeat(as(instance)),
    get: (instance, key) => store.get(as(instance), key),
    slices: (instance, key) => store.slices(as(instance), key),
    change: (instance, key, change, changeId) => store.change(as(instance), key, change, changeId),
    clear: (instance, changeId) => store.clear(as(instance), changeId),
    clearOnInstance: (instance, changeId) => store.clearOnInstance(as(instance), changeId),
    leave: (instance) => store.leave(as(instance)),
  }
}

export function keysAs(store: CounterStore, as: (key: string) => string): Partial<CounterStore> {
  return {
    get: (instance, key) => store.get(instance, as(key)),
    slices: (instance, key) => store.slices(instance, as(key)),
    change: (instance, key, change, changeId) => store.change(instance, as(key), change, changeId),
  }
}

export function changesAs(store: CounterStore, as: (change: CounterChange) => CounterChange): Partial<CounterStore> {
  return { change: (instance, key, change, changeId) => store.change(instance, key, as(change), changeId) }
}

type Remembered = (instance: CounterInstance, change: CounterChange, changeId: string) => string

export function changesOtherwise(store: CounterStore, idOf: Remembered): Partial<CounterStore> {
  return {
    change: (instance, key, change, changeId): Promise<Counts> =>
      store.change(instance, key, change, idOf(instance, change, changeId)),
  }
}

/** All instances' ids of changes, until some change has them all forgotten. Shared by the stores of a test, as a table would be. */
const epochs = { forgotten: 0 }
export function remembering(isForgetting: (change: CounterChange) => boolean): Remembered {
  const made = new Map<string, { readonly id: string; readonly epoch: number }>()
  return (_, change, changeId) => {
    const before = made.get(changeId)
    if (before !== undefined && before.epoch === epochs.forgotten) return before.id
    if (isForgetting(change)) epochs.forgotten += 1
    const id = newChangeId()
    made.set(changeId, { id, epoch: epochs.forgotten })
    return id
  }
}
