import { snapshotStoreSuite } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool, type PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { PostgresSnapshotStore, type PostgresSnapshotStoreConfig } from '../index.js'
import { reopening } from '../reopening.test.helper.js'

let connection: PoolConfig
let pool: Pool

beforeAll(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: 2 })
  await (await PostgresSnapshotStore.create({ connection, setup: true })).close()
})
afterAll(() => pool.end())

describe('PostgresSnapshotStore on connections of its own', () => {
  test.for(snapshotStoreSuite)('$name', ({ run }) => run(() => subject({ connection })))
})

describe('PostgresSnapshotStore on a small pool handed in', () => {
  test.for(snapshotStoreSuite)('$name', ({ run }) => run(() => subject({ pool })))
})

async function subject(config: PostgresSnapshotStoreConfig) {
  const { first, ...rest } = await reopening(() => PostgresSnapshotStore.create(config))
  return { store: first, ...rest }
}
