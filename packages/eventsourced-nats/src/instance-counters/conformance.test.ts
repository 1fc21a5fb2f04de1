import { counterScenarios, instanceAwareCounterSuite } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, type NatsConnection, nuid } from 'nats'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { NatsCounterStore } from '../index.js'
import { natsCounters } from './counters.test.fixture.js'

const bucket = `counters-${nuid.next()}`
let connection: NatsConnection

beforeAll(async () => {
  connection = await connect({ servers: testNats() })
  await (await NatsCounterStore.create({ connection, bucket, setup: true })).close()
})
afterAll(() => connection.close())

describe('counters on JetStream', () => {
  test.for(instanceAwareCounterSuite)('$name', ({ run }) => run(natsCounters({ connection, bucket })))
})

/** Run again what failed: `FC_SEED=… npx vitest run`. */
describe('counters on JetStream, at random:', () => {
  test.for(counterScenarios({ seed: process.env['FC_SEED'] }))('$name', ({ run }) =>
    run(natsCounters({ connection, bucket })),
  )
})
