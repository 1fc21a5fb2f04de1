import { type PgBouncer, startPgBouncer } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { afterAll, expect, test } from 'vitest'
import { collect, newAppend, newKey } from './fixture.test.helper.js'
import { PostgresEvtLog } from './index.js'
import { describeSuites } from './suites.test.helper.js'

let pooler: PgBouncer

describeSuites(
  'through a pooler in transaction mode',
  async () => {
    pooler = await startPgBouncer(await testPostgres())
    return { connection: pooler, preparedStatements: false }
  },
  { listens: false },
)
afterAll(() => pooler.stop())

test('logs store, read and read on while their server connections are shared with many others', async () => {
  const config = { connection: { ...pooler, max: 4 }, preparedStatements: false, pollIntervalMs: 20 }
  const logs = await Promise.all(Array.from({ length: 8 }, () => PostgresEvtLog.create(config)))
  const keys = logs.flatMap((log) => Array.from({ length: 50 }, () => ({ log, key: newKey('shared') })))
  await Promise.all(keys.map(({ log, key }) => log.persist(newAppend(key))))
  for (const log of logs) expect(await collect(log.evtsByType('shared'))).toHaveLength(keys.length)
  await Promise.all(logs.map((log) => log.close()))
})
