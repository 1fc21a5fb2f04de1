import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type PostgresConnection, postgresUrl } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import type { ClientBase } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { migrate } from './database/migrate.js'
import { EVT_LOG_STEPS } from './evt-log/schema.js'
import { collect, newAppend, newKey, withClient } from './fixture.test.helper.js'
import { PostgresEvtLog } from './index.js'
import { names } from './names.js'

let connection: PostgresConnection

beforeEach(async () => {
  connection = await testPostgres()
})

/** Starts ten processes that set up, at once. */
function tenProcesses(): Promise<unknown> {
  const program = fileURLToPath(new URL('../dist/migrations.test.fixture.js', import.meta.url))
  const run = promisify(execFile)
  return Promise.all(Array.from({ length: 10 }, () => run(process.execPath, [program, postgresUrl(connection)])))
}

/** The versions of the schema, and when each was migrated. */
function versions(client: ClientBase) {
  return client.query('SELECT * FROM eventsourced.eventsourced_versions ORDER BY table_name')
}

async function appendOne(): Promise<void> {
  const log = await PostgresEvtLog.create({ connection })
  const key = newKey()
  await log.persist(newAppend(key))
  expect(await collect(log.evtsById(key))).toHaveLength(1)
  await log.close()
}

test('ten processes that start at once on an empty database make one schema', async () => {
  await tenProcesses()
  const { rows } = await withClient(connection, versions)
  expect(rows).toMatchObject([{ table_name: 'events', version: EVT_LOG_STEPS.length }, { table_name: 'snapshots' }])
  await appendOne()
  await tenProcesses()
  expect((await withClient(connection, versions)).rows).toEqual(rows)
})

test('ten processes that start at once on an older schema bring it up to date, and keep its events', async () => {
  const older = {
    kind: 'events' as const,
    names: names('eventsourced', 'events'),
    setup: true,
    steps: EVT_LOG_STEPS.slice(0, 1),
  }
  await withClient(connection, (client) => migrate(client, older))
  await withClient(connection, (client) =>
    client.query('ALTER TABLE eventsourced.eventsourced_versions DROP COLUMN kind'),
  )
  await withClient(connection, (client) =>
    client.query(`INSERT INTO eventsourced.events
      (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
      VALUES (nextval('eventsourced.events_position'), 1, 1, now(), 1, 0, gen_random_uuid(), gen_random_uuid(), 'counter', 'Old', 'x', '{}')`),
  )
  const opening = PostgresEvtLog.create({ connection })
  await expect(opening).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'setup' })
  await tenProcesses()
  const log = await PostgresEvtLog.create({ connection })
  expect(await collect(log.evtsByType('counter'))).toMatchObject([{ type: 'Old', seqNo: 1 }])
  expect(await collect(log.ids('counter'))).toHaveLength(1)
  await log.close()
  await appendOne()
})

test('a migration that fails leaves the schema as it was', async () => {
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  const before = await withClient(connection, versions)
  const failing = {
    kind: 'events' as const,
    names: names('eventsourced', 'events'),
    setup: true,
    steps: [...EVT_LOG_STEPS, () => ['CREATE TABLE half (n int)', 'SELECT 1 / 0']],
  }
  await expect(withClient(connection, (client) => migrate(client, failing))).rejects.toThrow('division by zero')
  expect((await withClient(connection, versions)).rows).toEqual(before.rows)
  const { rows } = await withClient(connection, (client) => client.query("SELECT to_regclass('half') AS half"))
  expect(rows).toEqual([{ half: null }])
  await appendOne()
})
