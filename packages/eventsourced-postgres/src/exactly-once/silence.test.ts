import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from 'eventsourced-tools'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { backends, until } from '../fixture.test.helper.js'
import { exactlyOnce } from '../index.js'
import { apply, type Noted, Notes, patiently } from './notes.test.fixture.js'
import type { LockingOptions } from './locking.test.fixture.js'

const LOCKING = new URL('../../dist/exactly-once/locking.test.fixture.js', import.meta.url)

const LEASE_TTL_MS = 500

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

/** Starts a process that has a lock in its transaction, and somebody who waits for that. */
async function lockedOut(
  then: LockingOptions['then'],
): Promise<{ readonly child: Child; readonly counted: Promise<unknown> }> {
  await notes.admin.query('CREATE TABLE shared (count integer NOT NULL); INSERT INTO shared VALUES (0)')
  const told: LockingOptions = { connection: notes.connection, silenceMs: LEASE_TTL_MS, then }
  const child = await startChild(LOCKING, { name: 'locking', told })
  onTestFinished(() => child.kill())
  const pool = new Pool(notes.connection)
  onTestFinished(() => pool.end())
  return { child, counted: pool.query('UPDATE shared SET count = count + 1') }
}

async function expectCounted(): Promise<void> {
  expect((await notes.admin.query('SELECT count FROM shared')).rows).toEqual([{ count: 1 }])
}

test('a process that is paused in the middle of a transaction holds its locks for no longer than a lease lasts', async () => {
  const { child, counted } = await lockedOut('thinks')
  let isCounted = false
  void counted.then(() => (isCounted = true))
  const outlived = `state = 'idle in transaction' AND clock_timestamp() - xact_start > interval '${2 * LEASE_TTL_MS} ms'`
  await until('its transaction is older than a lease', async () => (await backends(notes.admin, outlived)) === 1)
  expect(isCounted).toBe(false)
  child.pause()
  await counted
  await expectCounted()
})

test('a process that is killed in the middle of a statement holds its locks no longer, however long that would take', async () => {
  const { child, counted } = await lockedOut('works')
  await until('its statement goes on', async () => (await backends(notes.admin, "query LIKE '%pg_sleep%'")) === 1)
  await child.kill()
  await counted
  await expectCounted()
})
