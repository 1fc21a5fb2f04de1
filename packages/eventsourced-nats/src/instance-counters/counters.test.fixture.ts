import type { InstanceAwareCounterSubject } from 'eventsourced/testing'
import { NatsCounterStore, type NatsCounterStoreConfig } from '../index.js'

/** Creates subjects on a bucket, each with two stores of its own that take turns, on a clock of the case's. */
export function natsCounters(config: NatsCounterStoreConfig): () => Promise<InstanceAwareCounterSubject> {
  return async () => {
    const clock = { now: Date.now() }
    const create = () => NatsCounterStore.create({ ...config, clock: () => clock.now })
    const stores = [await create(), await create()] as const
    let count = 0
    return {
      clock,
      open: async () => (count++ % 2 === 0 ? stores[0] : stores[1]),
      close: async () => {
        await Promise.all(stores.map((store) => store.close()))
      },
    }
  }
}
