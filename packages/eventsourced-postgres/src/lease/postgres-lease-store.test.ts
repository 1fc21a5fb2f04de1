import { leaseStoreSuite } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool, type PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { reopening } from '../reopening.test.helper.js'
import { PostgresLeaseStore } from './postgres-lease-store.js'

let connection: PoolConfig
let pool: Pool

beforeAll(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: 3 })
  await (await PostgresLeaseStore.create({ pool, setup: true })).close()
})
afterAll(() => pool.end())

describe.each(['read committed', 'repeatable read'])(
  'PostgresLeaseStore where the default isolation is %s',
  (level) => {
    test.concurrent.for(leaseStoreSuite)('$name', ({ run }) =>
      run(async () => {
        const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
        const config = level === 'read committed' ? { pool } : { connection: { ...connection, max: 1, options } }
        const { first, ...rest } = await reopening(() => PostgresLeaseStore.create({ ...config, ttlMs: 1_000 }))
        return { leases: first, ...rest }
      }),
    )
  },
)
