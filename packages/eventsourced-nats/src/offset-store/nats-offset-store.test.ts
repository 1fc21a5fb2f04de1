import { offsetStoreSuite } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { beforeAll, describe, test } from 'vitest'
import { NatsOffsetStore } from './nats-offset-store.js'

const bucket = `projections-${nuid.next()}`

async function create(setup = false): Promise<NatsOffsetStore> {
  return NatsOffsetStore.create({ servers: testNats(), bucket, setup })
}

beforeAll(async () => {
  await (await create(true)).close()
})

describe('NatsOffsetStore keeps to the contract of an offset store:', () => {
  const subject = async () => {
    const stores: NatsOffsetStore[] = []
    const reopen = async () => {
      const store = await create()
      stores.push(store)
      return store
    }
    return {
      store: await reopen(),
      reopen,
      close: async () => {
        await Promise.all(stores.map((store) => store.close()))
      },
    }
  }
  test.concurrent.for(offsetStoreSuite)('$name', ({ run }) => run(subject))
})
