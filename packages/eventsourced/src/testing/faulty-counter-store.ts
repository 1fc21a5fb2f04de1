import type { CounterChange, CounterInstance, CounterStore } from '../counters/counter-store.js'
import type { Counts } from '../counters/instance-aware-counter.js'
import { Faults } from './faults.js'

/** The calls of a counter store that can be made to fail. */
export type CounterStoreOperation = 'heartbeat' | 'get' | 'slices' | 'change' | 'clear' | 'clearOnInstance' | 'leave'

/**
 * A counter store that fails on request, for tests of what runs on it. Everything else goes through to the store it wraps.
 *
 * @example
 * const store = new FaultyCounterStore(new MemoryCounterStore())
 * store.faults.fail('change', { when: 'after', error: new UncertainError('the answer is lost') })
 */
export class FaultyCounterStore implements CounterStore {
  /** What is to go wrong next. */
  readonly faults = new Faults<CounterStoreOperation>()
  readonly #store: CounterStore

  constructor(store: CounterStore) {
    this.#store = store
  }

  heartbeat(instance: CounterInstance): Promise<void> {
    return this.faults.run('heartbeat', () => this.#store.heartbeat(instance))
  }

  get(instance: CounterInstance, key: string): Promise<Counts> {
    return this.faults.run('get', () => this.#store.get(instance, key))
  }

  slices(instance: CounterInstance, key: string): Promise<ReadonlyMap<string, bigint>> {
    return this.faults.run('slices', () => this.#store.slices(instance, key))
  }

  change(instance: CounterInstance, key: string, change: CounterChange, changeId: string): Promise<Counts> {
    return this.faults.run('change', () => this.#store.change(instance, key, change, changeId))
  }

  clear(instance: CounterInstance, changeId: string): Promise<void> {
    return this.faults.run('clear', () => this.#store.clear(instance, changeId))
  }

  clearOnInstance(instance: CounterInstance, changeId: string): Promise<void> {
    return this.faults.run('clearOnInstance', () => this.#store.clearOnInstance(instance, changeId))
  }

  leave(instance: CounterInstance): Promise<void> {
    return this.faults.run('leave', () => this.#store.leave(instance))
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
