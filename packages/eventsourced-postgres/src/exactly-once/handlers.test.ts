import { randomUUID } from 'node:crypto'
import { retry } from 'eventsourced'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { backends, until } from '../fixture.test.helper.js'
import { exactlyOnce, type Tx } from '../index.js'
import { apply, type Noted, Notes, parkedOf, PATIENCE, patiently, upTo } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

test('a statement that can’t be sent is the handler’s failure, not the connection’s', async () => {
  const projection = await notes.start(
    exactlyOnce<Noted>(notes.pool, (_, tx) => tx.query('SELECT $1::jsonb', [{ n: 1n }])),
  )
  const id = randomUUID()
  await notes.note(id)
  await expect.poll(async () => (await parkedOf(projection, id)).length, PATIENCE).toBe(1)
})

test('what a handler wrote for an event that failed is rolled back, and the event tried again', async () => {
  let failures = 2
  const projection = await notes.start(
    exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
      await apply(evt, tx)
      if (failures-- > 0) await tx.query('SELECT 1 / 0')
    }),
  )
  const id = randomUUID()
  await projection.reached(await notes.note(id, 3))
  expect(await notes.applied(id)).toEqual(upTo(3))
})

test.each([
  ['commits', (tx: Tx) => tx.query('COMMIT')],
  ['rolls back', (tx: Tx) => tx.query('ROLLBACK')],
  ['goes on after a statement that failed', (tx: Tx) => tx.query('SELECT 1 / 0').catch(() => undefined)],
  ['leaves a constraint broken to the end', (tx: Tx) => tx.query('INSERT INTO strict VALUES (1), (1)')],
])('a handler that %s has failed, and the offset does not move past its event', async (_, offend) => {
  await notes.admin.query('CREATE TABLE strict (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  const projection = await notes.start(exactlyOnce<Noted>(notes.pool, (__, tx) => offend(tx)))
  const id = randomUUID()
  await notes.note(id)
  await expect.poll(async () => (await parkedOf(projection, id)).length, PATIENCE).toBe(1)
})

test('a handler that outlives its transaction changes nothing any more', async () => {
  const late: Promise<unknown>[] = []
  let calls = 0
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const projection = await notes.start(
    exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
      await apply(evt, tx)
      if (calls++ > 0) return
      late.push(released.then(() => apply(evt, tx)))
      await late[0]
    }),
    { handlerTimeoutMs: 300 },
  )
  const id = randomUUID()
  await projection.reached(await notes.note(id), patiently())
  release()
  await expect(late[0]).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await notes.applied(id)).toEqual([1])
})

test('a statement that a handler does not wait for is part of the transaction, and fails it', async () => {
  const projection = await notes.start(
    exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
      await apply(evt, tx)
      void tx.query('SELECT 1 / 0').catch(() => undefined)
    }),
  )
  const id = randomUUID()
  await notes.note(id)
  await expect.poll(async () => (await parkedOf(projection, id)).length, PATIENCE).toBe(1)
  expect(await notes.applied(id)).toEqual([])
})

test('a deadlock with somebody else is no failure of the event', async () => {
  await notes.admin.query('CREATE TABLE twins (n integer PRIMARY KEY); INSERT INTO twins VALUES (1), (2)')
  const rival = new Client(notes.connection)
  await rival.connect()
  onTestFinished(() => rival.end())
  const lock = (n: number) => `SELECT FROM twins WHERE n = ${n} FOR UPDATE`
  const onError = vi.fn(retry({ attempts: 1 }))
  let calls = 0
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    await apply(evt, tx)
    if (calls++ > 0) return
    // Who finds the deadlock is its victim: he who waits for longer.
    await tx.query("SET LOCAL deadlock_timeout = '10ms'")
    await rival.query(`BEGIN; SET LOCAL deadlock_timeout = '60s'; ${lock(2)}`)
    await tx.query(lock(1))
    const waiting = rival.query(lock(1))
    await until('the rival waits', async () => (await backends(notes.admin, "wait_event_type = 'Lock'")) === 1)
    try {
      await tx.query(lock(2))
    } finally {
      void waiting.then(() => rival.query('ROLLBACK'))
    }
  })
  const projection = await notes.start(handler, { onError })
  const id = randomUUID()
  await projection.reached(await notes.note(id), patiently())
  expect(onError).not.toHaveBeenCalled()
  expect(await notes.applied(id)).toEqual([1])
  expect(calls).toBe(2)
})

test('what keeps an event from being handled, though it is not to blame, shows in the status until it is over', async () => {
  let isHealed = false
  const onError = vi.fn(retry({ attempts: 1 }))
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    await apply(evt, tx)
    if (!isHealed) await tx.query("DO $$ BEGIN RAISE 'the disk is full' USING ERRCODE = 'disk_full'; END $$")
  })
  const projection = await notes.start(handler, { onError })
  const id = randomUUID()
  const noted = await notes.note(id)
  await expect.poll(async () => (await projection.status()).state, PATIENCE).toBe('retrying')
  expect((await projection.status()).lastError?.message).toContain('the disk is full')
  isHealed = true
  await projection.reached(noted, patiently())
  expect(await projection.status()).toMatchObject({ state: 'running', lastError: undefined })
  expect(onError).not.toHaveBeenCalled()
})
