import { evtLogSuite, snapshotStoreSuite } from 'eventsourced/testing'
import { findPostgres15, type PostgresServer, startPostgres } from 'eventsourced-tools'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withClient } from './fixture.test.helper.js'
import { PostgresEvtLog, PostgresSnapshotStore } from './index.js'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ programs: await findPostgres15() })
  await (await PostgresEvtLog.create({ connection: server, setup: true })).close()
  await (await PostgresSnapshotStore.create({ connection: server, setup: true })).close()
})
afterAll(() => server.stop())

test('it is PostgreSQL 15', async () => {
  const { rows } = await withClient(server, (client) => client.query<{ version: string }>('SHOW server_version'))
  // The column is named after the setting.
  expect(JSON.stringify(rows)).toContain(':"15.')
})

describe('PostgresEvtLog on PostgreSQL 15', () => {
  test.for(evtLogSuite)('$name', ({ run }) => run(subject))
})

describe('PostgresSnapshotStore on PostgreSQL 15', () => {
  test.for(snapshotStoreSuite)('$name', ({ run }) =>
    run(async () => {
      const stores: PostgresSnapshotStore[] = []
      const reopen = async () => {
        const store = await PostgresSnapshotStore.create({ connection: server })
        stores.push(store)
        return store
      }
      return { store: await reopen(), reopen, close: () => closeAll(stores) }
    }),
  )
})

async function subject() {
  const logs: PostgresEvtLog[] = []
  const reopen = async () => {
    const log = await PostgresEvtLog.create({ connection: server })
    logs.push(log)
    return log
  }
  return { log: await reopen(), reopen, close: () => closeAll(logs) }
}

async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const one of opened) await one.close()
}
