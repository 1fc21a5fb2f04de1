import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { backends, newAppend, newKey, recorder, terminate, until } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

/** The connection that has appended, and those that have read. */
const WRITER = "query LIKE '%append_one%'"
const READERS = "query LIKE '%entity_head%'"

let connection: PostgresConnection
let admin: Client

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
})

afterEach(() => admin.end())

/** The process of the server that serves the connection which appends. */
async function writer(): Promise<unknown> {
  const { rows } = await admin.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${WRITER}`,
  )
  return rows[0]?.pid
}

test('the connection for appends stays when those for reads are closed for being idle', async () => {
  const log = await PostgresEvtLog.create({ connection: { ...connection, idleTimeoutMillis: 10 }, setup: true })
  await log.persist(newAppend(newKey()))
  await log.head(newKey())
  const pid = await writer()
  await until('the readers are gone', async () => (await backends(admin, READERS)) === 0)
  await log.persist(newAppend(newKey()))
  expect(pid).toBeTypeOf('number')
  expect(await writer()).toBe(pid)
  await log.close()
  await until('the writer is gone', async () => (await backends(admin, WRITER)) === 0)
})

test('an idle connection for appends that is lost is noticed, and the next append takes another', async () => {
  const { logger, lines } = recorder()
  const log = await PostgresEvtLog.create({ connection, setup: true, logger })
  await log.persist(newAppend(newKey()))
  expect(await terminate(admin, WRITER)).toBe(1)
  await until('it is noticed', () => Promise.resolve(lines.join().includes('an idle connection was lost')))
  expect(await log.persist(newAppend(newKey()))).toMatchObject({ groups: 1 })
  expect(lines.join()).not.toContain('sent again')
  await log.close()
})

test('a connection for appends whose lifetime is over is made anew', async () => {
  const log = await PostgresEvtLog.create({ connection: { ...connection, maxLifetimeSeconds: 1 }, setup: true })
  await log.persist(newAppend(newKey()))
  const pid = await writer()
  await until('another one appends', async () => {
    await log.persist(newAppend(newKey()))
    return (await writer()) !== pid
  })
  const lives = (): Promise<number> => backends(admin, `pid = ${Number(pid)}`)
  await until('the first is gone', async () => (await lives()) === 0)
  expect(pid).not.toBe(await writer())
  await log.close()
})
