import { evtLogSuite, snapshotStoreSuite } from 'eventsourced/testing'
import { type PgBouncer, startPgBouncer } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, newAppend, newKey } from './fixture.test.helper.js'
import { PostgresEvtLog, PostgresSnapshotStore } from './index.js'

let pooler: PgBouncer

beforeAll(async () => {
  pooler = await startPgBouncer(await testPostgres())
  const connection = { connection: pooler, preparedStatements: false, setup: true }
  await (await PostgresEvtLog.create(connection)).close()
  await (await PostgresSnapshotStore.create(connection)).close()
})
afterAll(() => pooler.stop())

/** Live reads poll, for what LISTEN would bring goes to whatever client has the connection by then. */
const CONFIG = { preparedStatements: false, pollIntervalMs: 20 }

describe('PostgresEvtLog through a pooler in transaction mode', () => {
  test.for(evtLogSuite)('$name', ({ run }) =>
    run(async () => {
      const logs: PostgresEvtLog[] = []
      const reopen = async () => {
        const log = await PostgresEvtLog.create({ connection: pooler, ...CONFIG })
        logs.push(log)
        return log
      }
      return { log: await reopen(), reopen, close: () => closeAll(logs) }
    }),
  )

  test('stores, reads and reads on while its server connections are shared with many others', async () => {
    const logs = await Promise.all(
      Array.from({ length: 8 }, () => PostgresEvtLog.create({ connection: { ...pooler, max: 4 }, ...CONFIG })),
    )
    const keys = logs.flatMap((log) => Array.from({ length: 50 }, () => ({ log, key: newKey('shared') })))
    await Promise.all(keys.map(({ log, key }) => log.persist(newAppend(key))))
    for (const log of logs) expect(await collect(log.evtsByType('shared'))).toHaveLength(keys.length)
    await closeAll(logs)
  })
})

describe('PostgresSnapshotStore through a pooler in transaction mode', () => {
  test.for(snapshotStoreSuite)('$name', ({ run }) =>
    run(async () => {
      const stores: PostgresSnapshotStore[] = []
      const reopen = async () => {
        const store = await PostgresSnapshotStore.create({ connection: pooler, preparedStatements: false })
        stores.push(store)
        return store
      }
      return { store: await reopen(), reopen, close: () => closeAll(stores) }
    }),
  )
})

async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(opened.map((one) => one.close()))
}
