import type { InstanceAwareCounterSubject } from 'eventsourced/testing'
import { PostgresCounterStore, type PostgresCounterStoreConfig } from './postgres-counter-store.js'

/** Creates subjects on a database: their stores share the test's clock. */
export function postgresCounters(config: PostgresCounterStoreConfig): () => Promise<InstanceAwareCounterSubject> {
  return async () => {
    const clock = { now: Date.now() }
    const store = await PostgresCounterStore.create({ ...config, clock: () => clock.now })
    return { clock, open: async () => store, close: () => store.close() }
  }
}
