import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect, newAppend, newKey } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let connection: PostgresConnection
let outside: Client

beforeEach(async () => {
  connection = await testPostgres()
  outside = new Client(connection)
  await outside.connect()
})
afterEach(() => outside.end())

/** What somebody else may do in a transaction that stays open. */
const HELD: Readonly<Record<string, string>> = {
  'the table': 'LOCK TABLE eventsourced.events IN ACCESS EXCLUSIVE MODE',
  'the table against writers': 'LOCK TABLE eventsourced.events IN SHARE MODE',
  'the lock of appends':
    "SELECT pg_advisory_xact_lock((x'65767473'::bigint << 32) | 'eventsourced.events'::regclass::oid::bigint)",
}

test.each(Object.entries(HELD))(
  'while an outside transaction holds %s appends are unavailable at the bound, and none is lost when they are sent again',
  async (_, sql) => {
    const log = await PostgresEvtLog.create({ connection, setup: true, lockTimeoutMs: 100 })
    await log.persist(newAppend(newKey()))
    await outside.query('BEGIN')
    await outside.query(sql)
    const appends = Array.from({ length: 30 }, () => newAppend(newKey()))
    const start = performance.now()
    for (const append of await Promise.allSettled(appends.map((append) => log.persist(append)))) {
      expect(append).toMatchObject({
        status: 'rejected',
        reason: { code: 'UNAVAILABLE', message: expect.stringContaining('lock timeout') },
      })
    }
    expect(performance.now() - start).toBeLessThan(10_000)
    await outside.query('ROLLBACK')
    for (const append of appends) expect(await log.persist(append)).toMatchObject({ head: { seqNo: 1 } })
    expect(await collect(log.evtsByType('counter'))).toHaveLength(31)
    await log.close()
  },
)
