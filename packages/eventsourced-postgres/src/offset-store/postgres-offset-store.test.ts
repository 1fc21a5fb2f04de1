import { offsetStoreSuite } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool, type PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { reopening } from '../reopening.test.helper.js'
import { PostgresOffsetStore, type PostgresOffsetStoreConfig } from './postgres-offset-store.js'

let connection: PoolConfig
let pool: Pool

beforeAll(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: 2 })
  await (await PostgresOffsetStore.create({ connection, setup: true })).close()
})
afterAll(() => pool.end())

describe('PostgresOffsetStore on a small pool handed in', () => {
  test.for(offsetStoreSuite)('$name', ({ run }) => run(() => subject({ pool })))
})

describe('PostgresOffsetStore on connections of its own', () => {
  test.for(offsetStoreSuite)('$name', ({ run }) => run(() => subject({ connection, preparedStatements: false })))
})

async function subject(config: PostgresOffsetStoreConfig) {
  const { first, ...rest } = await reopening(() => PostgresOffsetStore.create(config))
  return { store: first, ...rest }
}
