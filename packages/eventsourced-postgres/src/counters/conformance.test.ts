import { counterScenarios, instanceAwareCounterSuite } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { postgresCounters } from './counters.test.fixture.js'
import { PostgresCounterStore } from './postgres-counter-store.js'

let pool: Pool

beforeAll(async () => {
  pool = new Pool({ ...(await testPostgres()), max: 8 })
  await (await PostgresCounterStore.create({ pool, setup: true })).close()
})
afterAll(() => pool.end())

describe('counters in PostgreSQL', () => {
  test.for(instanceAwareCounterSuite)('$name', ({ run }) => run(postgresCounters({ pool })))
})

/** Run again what failed: `FC_SEED=… npx vitest run`. */
describe('counters in PostgreSQL, at random:', () => {
  test.for(counterScenarios({ seed: process.env['FC_SEED'] }))('$name', ({ run }) => run(postgresCounters({ pool })))
})
