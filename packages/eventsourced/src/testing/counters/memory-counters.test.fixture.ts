import type { CounterStore } from '../../counters/counter-store.js'
import { MemoryCounterStore } from '../../counters/memory-counter-store.js'
import type { InstanceAwareCounterSubject } from './fixture.js'

/** Creates subjects in memory, whose stores are changed as told. */
export function memoryCounters(
  otherwise: (sound: MemoryCounterStore) => CounterStore = (sound) => sound,
): () => Promise<InstanceAwareCounterSubject> {
  return async () => {
    const clock = { now: Date.now() }
    const first = new MemoryCounterStore({ clock: () => clock.now })
    return {
      clock,
      open: async () => otherwise(new MemoryCounterStore({ storageOf: first, clock: () => clock.now })),
      close: () => first.close(),
    }
  }
}
