import { evtLogSuite } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool, type PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { PostgresEvtLog, type PostgresEvtLogConfig } from '../index.js'

let connection: PoolConfig
let pool: Pool

beforeAll(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: 2 })
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
})
afterAll(() => pool.end())

describe('PostgresEvtLog on connections of its own', () => {
  test.for(evtLogSuite)('$name', ({ run }) => run(() => subject({ connection })))
})

describe('PostgresEvtLog on a small pool handed in', () => {
  test.for(evtLogSuite)('$name', ({ run }) => run(() => subject({ pool })))
})

async function subject(config: PostgresEvtLogConfig) {
  const logs: PostgresEvtLog[] = []
  const reopen = async () => {
    const log = await PostgresEvtLog.create(config)
    logs.push(log)
    return log
  }
  const log = await reopen()
  return {
    log,
    reopen,
    close: async () => {
      for (const one of logs) await one.close()
    },
  }
}
