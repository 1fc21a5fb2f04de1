import { snapshotStoreSuite } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { describe, test } from 'vitest'
import { NatsSnapshotStore } from './nats-snapshot-store.js'

describe('NatsSnapshotStore keeps to the contract of a snapshot store:', () => {
  const create = async () => {
    const config = { servers: testNats(), bucket: `suite-${nuid.next()}`, setup: true }
    const store = await NatsSnapshotStore.create(config)
    const stores = [store]
    return {
      store,
      reopen: async () => {
        const another = await NatsSnapshotStore.create({ ...config, setup: false })
        stores.push(another)
        return another
      },
      close: async () => {
        await Promise.all(stores.map((one) => one.close()))
      },
    }
  }
  test.for(snapshotStoreSuite)('$name', ({ run }) => run(create))
})
