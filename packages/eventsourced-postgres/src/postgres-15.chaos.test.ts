import { findPostgres15, type PostgresServer, startPostgres } from 'eventsourced-tools'
import { afterAll, expect, test } from 'vitest'
import { withClient } from './fixture.test.helper.js'
import { describeSuites } from './suites.test.helper.js'

let server: PostgresServer

describeSuites(
  'on PostgreSQL 15',
  async () => {
    server = await startPostgres({ programs: await findPostgres15() })
    return { connection: server }
  },
  { listens: true },
)
afterAll(() => server.stop())

test('it is PostgreSQL 15', async () => {
  const { rows } = await withClient(server, (client) => client.query<{ version: string }>('SHOW server_version'))
  // The column is named after the setting.
  expect(JSON.stringify(rows)).toContain(':"15.')
})
