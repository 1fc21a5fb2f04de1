import { leaseStoreSuite } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { beforeAll, describe, test } from 'vitest'
import { NatsLeaseStore } from './nats-lease-store.js'

const bucket = `leases-${nuid.next()}`

async function create(setup = false): Promise<NatsLeaseStore> {
  return NatsLeaseStore.create({ servers: testNats(), bucket, setup, ttlMs: 1_000 })
}

beforeAll(async () => {
  await (await create(true)).close()
})

describe('NatsLeaseStore keeps to the contract of a lease store:', () => {
  const subject = async () => {
    const stores = [await create()]
    const reopen = async () => {
      const store = await create()
      stores.push(store)
      return store
    }
    return {
      leases: await reopen(),
      reopen,
      close: async () => {
        await Promise.all(stores.map((store) => store.close()))
      },
    }
  }
  test.concurrent.for(leaseStoreSuite)('$name', ({ run }) => run(subject))
})
