import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends, newAppend, newKey, until } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let connection: PostgresConnection
let admin: Client

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  const log = await PostgresEvtLog.create({ connection, setup: true })
  await log.persist(newAppend(newKey()))
  await log.close()
})

afterEach(() => admin.end())

describe('while somebody else holds the table', () => {
  const CLIENTS = "backend_type = 'client backend'"
  const WAITS = "wait_event_type = 'Lock'"
  let holder: Client

  beforeEach(async () => {
    holder = new Client(connection)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE eventsourced.events IN ACCESS EXCLUSIVE MODE')
    await until('only the holder is there', async () => (await backends(admin, CLIENTS)) === 1)
  })
  afterEach(() => holder.end())

  test('an aborted read throws at once though its statement hangs, and leaves no connection', async () => {
    const log = await PostgresEvtLog.create({ connection })
    const over = new AbortController()
    const reading = log.evtsByType('counter', { signal: over.signal })[Symbol.asyncIterator]().next()
    const reason = new Error('enough')
    await until('it waits', async () => (await backends(admin, WAITS)) === 1)
    over.abort(reason)
    await expect(reading).rejects.toBe(reason)
    await log.close()
    await until('only the holder is there', async () => (await backends(admin, CLIENTS)) === 1)
  })

  test('reads that time out again and again leave no connection either', async () => {
    const log = await PostgresEvtLog.create({ connection, readTimeoutMs: 50 })
    for (let nth = 0; nth < 10; nth++) {
      await expect(log.head(newKey())).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await until('nobody waits', async () => (await backends(admin, WAITS)) === 0)
    }
    await holder.query('ROLLBACK')
    expect(await log.head(newKey())).toMatchObject({ seqNo: 0 })
    await log.close()
  })
})

test('each function waits for locks within bounds, also where its client is gone and nothing tells the server so', async () => {
  const { rows } = await admin.query<{ name: string }>(
    `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'eventsourced'::regnamespace
      AND NOT (coalesce(array_to_string(proconfig, ' '), '') || prosrc) LIKE '%lock_timeout%'`,
  )
  // Asked with a bound beside it, since where it is part of another function that one's holds.
  expect(rows).toEqual([{ name: 'events_head_position' }])
})
