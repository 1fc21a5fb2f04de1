import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from 'eventsourced-tools'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { backends, until } from '../fixture.test.helper.js'
import { exactlyOnce } from '../index.js'
import { apply, type Noted, Notes, patiently } from './notes.test.fixture.js'
import type { LockingOptions } from './locking.test.fixture.js'

const LOCKING = new URL('../../dist/exactly-once/locking.test.fixture.js', import.meta.url)

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

test('a handler may think between two statements for longer than a lease lasts', async () => {
  let calls = 0
  const handler = exactlyOnce<Noted>(
    notes.pool,
    async (evt, tx) => {
      calls += 1
      await apply(evt, tx)
      await sleep(600)
      await tx.query('SELECT 1')
      await sleep(600)
    },
    { leaseTtlMs: 400 },
  )
  const projection = await notes.start(handler)
  const id = randomUUID()
  await projection.reached(await notes.note(id), patiently())
  expect(await notes.applied(id)).toEqual([1])
  expect(calls).toBe(1)
})

test('a process that is paused in the middle of a transaction holds its locks for no longer than a lease lasts', async () => {
  const leaseTtlMs = 500
  await notes.admin.query('CREATE TABLE shared (count integer NOT NULL); INSERT INTO shared VALUES (0)')
  const told: LockingOptions = { connection: notes.connection, silenceMs: leaseTtlMs }
  const child = await startChild(LOCKING, { name: 'locking', told })
  onTestFinished(() => child.kill())
  // It holds on to its lock for as long as it shows that it lives.
  const pool = new Pool(notes.connection)
  onTestFinished(() => pool.end())
  let isCounted = false
  const counted = pool.query('UPDATE shared SET count = count + 1').then(() => (isCounted = true))
  const outlived = `state = 'idle in transaction' AND clock_timestamp() - xact_start > interval '${2 * leaseTtlMs} ms'`
  await until('its transaction is older than a lease', async () => (await backends(notes.admin, outlived)) === 1)
  expect(isCounted).toBe(false)
  child.pause()
  await counted
  const { rows } = await pool.query<{ count: number }>('SELECT count FROM shared')
  expect(rows).toEqual([{ count: 1 }])
})
