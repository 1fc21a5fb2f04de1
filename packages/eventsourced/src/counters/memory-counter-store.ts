import { v7 } from 'uuid'
import { RefusedError } from '../errors.js'
import type { CounterChange, CounterInstance, CounterStore } from './counter-store.js'
import type { Counts } from './instance-aware-counter.js'
import { changed, type CounterWorld, countsOf, type KeyState, NO_KEY, slicesOf } from './key-state.js'

/** What is known of an instance. */
interface Kept {
  generation: string
  aliveUntil: number
  forgottenFrom: number
  lastClear: string | undefined
}

interface Namespace {
  generation: number
  readonly instances: Map<string, Kept>
  readonly keys: Map<string, KeyState>
}

/** The settings of a {@link MemoryCounterStore}. */
export interface MemoryCounterStoreOptions {
  /** A store, open or closed, whose counters this one shares; none by default. */
  readonly storageOf?: MemoryCounterStore
  /** What time it is, in milliseconds since 1970; the system's clock by default. */
  readonly clock?: () => number
}

/**
 * Counters in memory, for tests and for what may be forgotten.
 *
 * @example
 * const counter = await strictCounter(new MemoryCounterStore(), { namespace: 'connections' })
 */
export class MemoryCounterStore implements CounterStore {
  readonly #namespaces: Map<string, Namespace>
  readonly #clock: () => number
  #closed = false

  constructor({ storageOf, clock = Date.now }: MemoryCounterStoreOptions = {}) {
    this.#namespaces = storageOf === undefined ? new Map<string, Namespace>() : storageOf.#namespaces
    this.#clock = clock
  }

  async heartbeat(instance: CounterInstance): Promise<void> {
    this.#beat(instance)
  }

  async get(instance: CounterInstance, key: string): Promise<Counts> {
    const { namespace, now } = this.#beat(instance)
    const state = namespace.keys.get(key) ?? NO_KEY
    return countsOf(key, state, world(instance, namespace, { state, now }))
  }

  async slices(instance: CounterInstance, key: string): Promise<ReadonlyMap<string, bigint>> {
    const { namespace, now } = this.#beat(instance)
    const state = namespace.keys.get(key) ?? NO_KEY
    return slicesOf(state, world(instance, namespace, { state, now }))
  }

  async change(instance: CounterInstance, key: string, change: CounterChange, changeId: string): Promise<Counts> {
    const { namespace, now } = this.#beat(instance)
    const before = namespace.keys.get(key) ?? NO_KEY
    const around = { change, changeId, world: world(instance, namespace, { state: before, now }) }
    const { state, counts } = changed(key, before, around)
    namespace.keys.set(key, state)
    return counts
  }

  async clear(instance: CounterInstance, changeId: string): Promise<void> {
    const { namespace, kept } = this.#beat(instance)
    if (kept.lastClear === changeId) return
    kept.lastClear = changeId
    namespace.generation += 1
  }

  async clearOnInstance(instance: CounterInstance, changeId: string): Promise<void> {
    // The id is the new generation, so that the same once more changes nothing.
    this.#beat(instance).kept.generation = changeId
  }

  async leave({ namespace, instanceId }: CounterInstance): Promise<void> {
    const kept = this.#namespace(namespace).instances.get(instanceId)
    if (kept !== undefined) kept.aliveUntil = Math.min(kept.aliveUntil, this.#clock())
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #beat(instance: CounterInstance): { readonly namespace: Namespace; readonly kept: Kept; readonly now: number } {
    if (this.#closed) throw new RefusedError('closed', 'the counter store is closed')
    const { instanceId, deadInstanceThreshold, forgetAfter } = instance
    const namespace = this.#namespace(instance.namespace)
    const now = this.#clock()
    const known = namespace.instances.get(instanceId)
    // Whoever was forgotten begins anew, with slices of no generation that ever was.
    const kept =
      known !== undefined && known.forgottenFrom > now
        ? known
        : { generation: v7(), aliveUntil: 0, forgottenFrom: 0, lastClear: undefined }
    kept.aliveUntil = now + deadInstanceThreshold
    kept.forgottenFrom = kept.aliveUntil + forgetAfter
    namespace.instances.set(instanceId, kept)
    return { namespace, kept, now }
  }

  #namespace(name: string): Namespace {
    const found = this.#namespaces.get(name)
    if (found !== undefined) return found
    const namespace: Namespace = { generation: 0, instances: new Map(), keys: new Map() }
    this.#namespaces.set(name, namespace)
    return namespace
  }
}

function world(
  { instanceId }: CounterInstance,
  { generation, instances }: Namespace,
  { state, now }: { readonly state: KeyState; readonly now: number },
): CounterWorld {
  const around = new Map<string, { readonly generation: string; readonly isAlive: boolean }>()
  for (const id of [...state.slices.keys(), instanceId]) {
    const kept = instances.get(id)
    if (kept === undefined || kept.forgottenFrom <= now) continue
    around.set(id, { generation: kept.generation, isAlive: kept.aliveUntil > now })
  }
  return { instanceId, generation, instances: around }
}
