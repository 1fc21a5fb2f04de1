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

test('many more than a batch has are told at the bound, all of them that nothing is stored, and nothing is', async () => {
  // With the deadline of an append before the bound of the lock's: whoever is told by then must not be stored later.
  const log = await PostgresEvtLog.create({ connection, setup: true, lockTimeoutMs: 5_000, appendTimeoutMs: 1_500 })
  await log.persist(newAppend(newKey()))
  await outside.query('BEGIN')
  await outside.query('LOCK TABLE eventsourced.events IN SHARE MODE')
  const told = await Promise.allSettled(Array.from({ length: 5_000 }, () => log.persist(newAppend(newKey()))))
  const reasons = told.map((told) => (told.status === 'rejected' ? String(told.reason) : 'stored'))
  expect(new Set(reasons.map((reason) => /nothing was stored/.test(reason)))).toEqual(new Set([true]))
  await outside.query('ROLLBACK')
  await log.persist(newAppend(newKey()))
  expect(await collect(log.evtsByType('counter'))).toHaveLength(2)
  await log.close()
})

test('those that have waited for as long as an append may wait for a lock don’t wait for it once more', async () => {
  const log = await PostgresEvtLog.create({ connection, setup: true, lockTimeoutMs: 500, appendTimeoutMs: 60_000 })
  await log.persist(newAppend(newKey()))
  await outside.query('BEGIN')
  await outside.query('LOCK TABLE eventsourced.events IN SHARE MODE')
  const told = await Promise.allSettled(Array.from({ length: 9_000 }, () => log.persist(newAppend(newKey()))))
  // The first goes before the others have come. Of those one batch waits as long as it may; the four others are told what it was told.
  const errors = new Set(told.map((told): unknown => (told.status === 'rejected' ? told.reason : 'stored')))
  expect(errors.size).toBe(2)
  await outside.query('ROLLBACK')
  await log.close()
})
