import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type PostgresConnection, postgresUrl } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import type { ClientBase } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { migrate } from './database/migrate.js'
import { COUNTER_SCHEMA } from './counters/schema.js'
import { EVT_LOG_SCHEMA } from './evt-log/schema.js'
import { collect, newAppend, newKey, withClient } from './fixture.test.helper.js'
import { PostgresEvtLog } from './index.js'
import { LEASE_SCHEMA } from './lease/postgres-lease-store.js'
import { names } from './names.js'
import { OFFSET_SCHEMA } from './offset-store/postgres-offset-store.js'
import { SNAPSHOT_SCHEMA } from './snapshot-store/schema.js'

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
  expect(rows).toMatchObject([
    { table_name: 'events', version: EVT_LOG_SCHEMA.steps.length },
    { table_name: 'snapshots' },
  ])
  await appendOne()
  await tenProcesses()
  expect((await withClient(connection, versions)).rows).toEqual(rows)
})

test('ten processes that start at once on an older schema bring it up to date, and keep its events', async () => {
  const older = {
    ...EVT_LOG_SCHEMA,
    names: names('eventsourced', 'events'),
    setup: true,
    steps: EVT_LOG_SCHEMA.steps.slice(0, 1),
  }
  await withClient(connection, (client) => migrate(client, older))
  // What it had not yet, or what did something else in it.
  await withClient(connection, (client) =>
    client.query(`
      DROP FUNCTION eventsourced.events_page_by_type, eventsourced.events_entity_ids;
      CREATE OR REPLACE FUNCTION eventsourced.events_head_position () RETURNS bigint LANGUAGE sql AS 'SELECT -1::bigint'`),
  )
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
  expect(await log.headPosition()).toBe(1)
  await log.close()
  await appendOne()
})

test('a migration that fails leaves the schema as it was', async () => {
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  const before = await withClient(connection, versions)
  const failing = {
    ...EVT_LOG_SCHEMA,
    names: names('eventsourced', 'events'),
    setup: true,
    steps: [...EVT_LOG_SCHEMA.steps, () => ['CREATE TABLE half (n int)', 'SELECT 1 / 0']],
  }
  await expect(withClient(connection, (client) => migrate(client, failing))).rejects.toThrow('division by zero')
  expect((await withClient(connection, versions)).rows).toEqual(before.rows)
  const { rows } = await withClient(connection, (client) => client.query("SELECT to_regclass('half') AS half"))
  expect(rows).toEqual([{ half: null }])
  await appendOne()
})

/** By kind: the version, and a digest of the functions that it makes. */
const RELEASED = {
  events: { version: 9, functions: 'ff983efe48079a29' },
  snapshots: { version: 4, functions: '69890775da18dc23' },
  leases: { version: 2, functions: 'e89db563e3d7146b' },
  offsets: { version: 3, functions: 'bd0d39c02aa50aa2' },
  counters: { version: 3, functions: '801e18a95d282d93' },
}

test('functions are changed by a version only, for a database is brought up to date by its version', () => {
  const schemas = [EVT_LOG_SCHEMA, SNAPSHOT_SCHEMA, LEASE_SCHEMA, OFFSET_SCHEMA, COUNTER_SCHEMA]
  const today = schemas.map(({ kind, steps, functions }) => {
    const text = functions(names('schema', kind)).join(';')
    return [kind, { version: steps.length, functions: createHash('sha256').update(text).digest('hex').slice(0, 16) }]
  })
  expect(Object.fromEntries(today)).toEqual(RELEASED)
})
