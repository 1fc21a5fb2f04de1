import type { SnapshotStore } from 'eventsourced'
import { freePort, type PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect, newAppend, newKey, recorder } from './fixture.test.helper.js'
import { PostgresEvtLog, type PostgresEvtLogConfig, PostgresSnapshotStore } from './index.js'

let connection: PostgresConnection
let admin: Client

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
})

afterEach(() => admin.end())

/** Stores an event and a snapshot, and reads them back. */
async function expectToServe(log: PostgresEvtLog, store: SnapshotStore): Promise<void> {
  const append = newAppend(newKey())
  await log.persist(append)
  expect(await collect(log.evtsByType('counter'))).toHaveLength(1)
  const snapshot = { seqNo: 1, appendId: append.appendId, version: 0, bytes: Buffer.from('state') }
  await store.save(append.key, snapshot)
  expect(await store.load(append.key)).toEqual(snapshot)
  await Promise.all([log.close(), store.close()])
}

describe('the schema', () => {
  test('is created once by ten that come at once', async () => {
    const config = { connection, setup: true }
    const opened = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0 ? PostgresEvtLog.create(config) : PostgresSnapshotStore.create(config),
      ),
    )
    await Promise.all(opened.map((one) => one.close()))
    await expectToServe(await PostgresEvtLog.create({ connection }), await PostgresSnapshotStore.create({ connection }))
  })

  test.each(['"; DROP TABLE x; --', "o'brien\\", '$eventsourced$', 'select', 'Ünï cödé', '%s $1 ?', '"quoted"'])(
    'may have any name: %s',
    async (name) => {
      const config = { connection, schema: name, table: name, setup: true }
      const stores = { ...config, table: `${name}2` }
      await expectToServe(await PostgresEvtLog.create(config), await PostgresSnapshotStore.create(stores))
      const { rows } = await admin.query(
        'SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1',
        [name],
      )
      expect(rows).toHaveLength(3)
    },
  )

  test('may hold several logs, which see nothing of one another', async () => {
    const logs = await Promise.all(
      ['one', 'other'].map((table) => PostgresEvtLog.create({ connection, table, setup: true })),
    )
    for (const log of logs) await log.persist(newAppend(newKey()))
    for (const log of logs) {
      expect(await collect(log.evtsByType('counter'))).toHaveLength(1)
      await log.close()
    }
  })

  test('is named as missing where it is, unless setup is asked for', async () => {
    for (const kind of [PostgresEvtLog, PostgresSnapshotStore]) {
      await expect(kind.create({ connection })).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'setup' })
      await (await kind.create({ connection, setup: true })).close()
      await (await kind.create({ connection })).close()
    }
  })

  test('is refused where it is newer than this release knows', async () => {
    await (await PostgresEvtLog.create({ connection, setup: true })).close()
    await admin.query('UPDATE eventsourced.eventsourced_versions SET version = version + 1')
    for (const setup of [true, false]) {
      const error = { code: 'INVALID_INPUT', field: 'schema' }
      await expect(PostgresEvtLog.create({ connection, setup })).rejects.toMatchObject(error)
    }
  })

  test('has a table of its own: another kind’s, and one that is there already, are refused and left as they are', async () => {
    const another = { code: 'INVALID_INPUT', field: 'table' }
    const store = await PostgresSnapshotStore.create({ connection, setup: true })
    await expect(PostgresEvtLog.create({ connection, table: 'snapshots', setup: true })).rejects.toMatchObject(another)
    await (await PostgresSnapshotStore.create({ connection })).close()
    await store.close()
    await admin.query(
      'CREATE TABLE eventsourced.events (n integer); CREATE TABLE eventsourced.other_position (n integer)',
    )
    for (const table of ['events', 'other']) {
      await expect(PostgresEvtLog.create({ connection, table, setup: true })).rejects.toMatchObject(another)
    }
    const { rows } = await admin.query("SELECT FROM pg_class WHERE relname IN ('other', 'events_position')")
    expect(rows).toEqual([])
  })

  test('is refused as forbidden to a role that may not create it', async () => {
    const user = `nobody_${Date.now()}`
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'secret'`)
    const config = { connection: { ...connection, user, password: 'secret' }, setup: true }
    await expect(PostgresEvtLog.create(config)).rejects.toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
  })
})

describe('connections', () => {
  test('are the pool’s that was handed in, which is not closed, and serves with a single one', async () => {
    const pool = new Pool({ ...connection, max: 1 })
    await expectToServe(
      await PostgresEvtLog.create({ pool, setup: true }),
      await PostgresSnapshotStore.create({ pool, setup: true }),
    )
    expect(pool.ended).toBe(false)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  test('may be given as a URL, and the password as a function', async () => {
    const { host, port, user, password, database } = connection
    const connectionString = `postgres://${user}@${host}:${port}/${database}`
    await expectToServe(
      await PostgresEvtLog.create({ connection: { connectionString }, setup: true }),
      await PostgresSnapshotStore.create({
        connection: { host, port, user, database, password: () => Promise.resolve(password) },
        setup: true,
      }),
    )
  })

  test('serve without prepared statements, for poolers that lose them', async () => {
    const config = { connection, setup: true, preparedStatements: false }
    await expectToServe(await PostgresEvtLog.create(config), await PostgresSnapshotStore.create(config))
  })

  test('don’t depend on type parsers that the application has set', async () => {
    const types = { getTypeParser: () => () => 'not what was sent' }
    const config = { connection: { ...connection, types }, setup: true }
    await expectToServe(await PostgresEvtLog.create(config), await PostgresSnapshotStore.create(config))
  })

  test('to a database that does not exist name it', async () => {
    const connection = { ...(await testPostgres()), database: 'nowhere' }
    await expect(PostgresEvtLog.create({ connection, setup: true })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'connection.database',
    })
  })

  test('that nobody answers are unavailable', async () => {
    const config = { connection: { ...connection, port: await freePort() } }
    await expect(PostgresEvtLog.create(config)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('to a server that may lose what it acknowledged are warned of, by the setting’s name', async () => {
    const { logger, lines } = recorder()
    const settings = (await admin.query<{ fsync: string }>('SHOW fsync')).rows
    expect(settings).toEqual([{ fsync: 'off' }])
    await (await PostgresEvtLog.create({ connection, setup: true, logger })).close()
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      expect(lines.filter((line) => line.includes(`${setting} is off`))).toHaveLength(1)
    }
  })
})

describe('a configuration', () => {
  const noPool: unknown = {}
  test.each<[field: string, config: object]>([
    ['connection', {}],
    ['connection', { connection: 'postgres://localhost' }],
    ['connection.port', { connection: { port: 70_000 } }],
    ['connection.max', { connection: { max: 0 } }],
    ['connection.host', { connection: { host: 1 } }],
    ['pool', { pool: noPool }],
    ['pool', { pool: new Pool(), connection: {} }],
    ['schema', { connection: {}, schema: '' }],
    ['schema', { connection: {}, schema: 'x'.repeat(64) }],
    ['schema', { connection: {}, schema: 'NUL\0' }],
    ['table', { connection: {}, table: 'x'.repeat(41) }],
    ['table', { connection: {}, table: '\uD800' }],
    ['setup', { connection: {}, setup: 'yes' }],
    ['preparedStatements', { connection: {}, preparedStatements: 1 }],
    ['config', { connection: {}, tabel: 'events' }],
    ['appendTimeoutMs', { connection: {}, appendTimeoutMs: 0 }],
    ['lockTimeoutMs', { connection: {}, lockTimeoutMs: 1.5 }],
    ['readTimeoutMs', { connection: {}, readTimeoutMs: Infinity }],
    ['pollIntervalMs', { connection: {}, pollIntervalMs: -1 }],
    ['maxWaitingBytes', { connection: {}, maxWaitingBytes: 0 }],
  ])('that is wrong is refused, and its field %s named', async (field, config) => {
    // As plain JavaScript would call it.
    const create: unknown = Reflect.get(PostgresEvtLog, 'create')
    const creating = async (): Promise<unknown> => typeof create === 'function' && create.call(PostgresEvtLog, config)
    await expect(creating()).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
  })

  test('of the log is typed: a pool or a connection, not both', () => {
    const pool = new Pool()
    // @ts-expect-error both are given
    const both: PostgresEvtLogConfig = { pool, connection: {} }
    // @ts-expect-error neither is given
    const neither: PostgresEvtLogConfig = {}
    expect([both, neither]).toHaveLength(2)
  })
})
