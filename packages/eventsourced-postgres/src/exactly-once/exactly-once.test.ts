import { randomUUID } from 'node:crypto'
import { atLeastOnce, entityKey, type ProjectedEvt, retry } from 'eventsourced'
import { startTcpProxy } from 'eventsourced-tools'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { terminate } from '../fixture.test.helper.js'
import { exactlyOnce, exactlyOnceGrouped, PostgresOffsetStore } from '../index.js'
import { apply, type Noted, Notes, PATIENCE, patiently, TYPE, upTo } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

test.each([
  ['one by one', (from: Pool) => exactlyOnce<Noted>(from, apply)],
  [
    'in groups',
    (from: Pool) =>
      exactlyOnceGrouped<Noted>(from, async (evts, tx) => {
        for (const evt of evts) await apply(evt, tx)
      }),
  ],
])(
  'events are applied once each, %s, though connections are terminated and processes leave and come',
  async (_, handler) => {
    const ids = Array.from({ length: 10 }, () => randomUUID())
    const first = await notes.start(handler(notes.pool))
    await notes.start(handler(notes.pool))
    for (let round = 1; round <= 5; round++) {
      for (const id of ids) await notes.note(id, 5)
      await terminate(notes.admin, "query <> '' AND application_name <> 'admin'")
    }
    await first.stop()
    const third = await notes.start(handler(notes.pool))
    for (const id of ids) await third.reached(await notes.note(id, 5), patiently())
    for (const id of ids) expect(await notes.applied(id)).toEqual(upTo(30))
  },
)

test('a pool whose clients pipeline serves alike: events are applied once, and one that the COMMIT refuses is parked', async () => {
  await notes.admin.query('CREATE TABLE odd (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  const pool = new Pool({ ...notes.connection, pipeline: true })
  onTestFinished(() => pool.end())
  const handler = exactlyOnce<Noted>(pool, async (evt, tx) => {
    await apply(evt, tx)
    await tx.query('INSERT INTO odd VALUES ($1)', [evt.evt.n % 2 === 1 ? evt.evt.n : 1])
  })
  const projection = await notes.start(handler, { onError: retry({ attempts: 1, then: 'park' }) })
  const id = randomUUID()
  await notes.note(id, 2)
  await expect.poll(async () => (await projection.status()).parked, PATIENCE).toBe(1)
  expect(await notes.applied(id)).toEqual([1])
})

test('a connection that is lost in a handler is no failure of the event', async () => {
  let calls = 0
  const onError = vi.fn(retry({ attempts: 1, then: 'stop' }))
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    await apply(evt, tx)
    if (calls++ === 0) await tx.query('SELECT pg_terminate_backend(pg_backend_pid())')
  })
  const projection = await notes.start(handler, { onError })
  const id = randomUUID()
  await projection.reached(await notes.note(id))
  expect(onError).not.toHaveBeenCalled()
  expect(await notes.applied(id)).toEqual([1])
})

test.each(['request', 'answer'] as const)(
  'a connection cut at the %s of a COMMIT applies the event once',
  async (cutAt) => {
    const proxy = await startTcpProxy({ port: notes.connection.port })
    onTestFinished(() => proxy.close())
    const throughProxy = new Pool({ ...notes.connection, host: '127.0.0.1', port: proxy.port, max: 4 })
    throughProxy.on('error', () => undefined)
    onTestFinished(() => throughProxy.end())
    let cuts = 0
    let isCommitting = false
    const projection = await notes.start(exactlyOnce<Noted>(throughProxy, apply))
    const id = randomUUID()
    proxy.rule((bytes, direction) => {
      const commits = direction === 'request' && bytes.includes('COMMIT\0')
      if (commits) isCommitting = true
      const isIt = cutAt === 'request' ? commits : direction === 'answer' && isCommitting && bytes.includes('COMMIT\0')
      if (!isIt || cuts >= 3) return 'pass'
      isCommitting = false
      cuts++
      return 'cut'
    })
    for (let time = 0; time < 10; time++) {
      await projection.reached(await notes.note(id, 2), patiently())
    }
    expect(cuts).toBe(3)
    expect(await notes.applied(id)).toEqual(upTo(20))
  },
)

test('a handler serves a later start too: after one that failed, and after a stop', async () => {
  const handler = exactlyOnce<Noted>(notes.pool, apply)
  await notes.admin.query('CREATE SCHEMA eventsourced; CREATE VIEW eventsourced.projections AS SELECT 1')
  await expect(notes.start(handler)).rejects.toThrow('projections')
  await notes.admin.query('DROP VIEW eventsourced.projections')
  const id = randomUUID()
  const first = await notes.start(handler)
  await first.reached(await notes.note(id))
  await first.stop()
  const second = await notes.start(handler)
  await second.reached(await notes.note(id))
  expect(await notes.applied(id)).toEqual([1, 2])
})

test('a handler may serve several projections at once, and goes on serving those that are left', async () => {
  const handler = exactlyOnce<Noted>(notes.pool, apply)
  const first = await notes.start(handler, { name: 'first' })
  const second = await notes.start(handler, { name: 'second' })
  const id = randomUUID()
  for (const projection of [first, second]) await projection.reached(await notes.note(id), patiently())
  await first.stop()
  await second.reached(await notes.note(id), patiently())
  expect((await notes.applied(id)).toSorted((left, right) => left - right)).toEqual([1, 1, 2, 2, 3])
})

test('where one slice of a batch is fenced off nothing of the batch is stored', async () => {
  const delivery = exactlyOnce<Noted>(notes.pool, apply)
  const store = await delivery.open()
  onTestFinished(() => delivery.close())
  const projection = { name: 'fenced', version: 1 }
  const claims = await Promise.all([0, 1].map((slice) => store.claim(projection, slice, 1)))
  const moves = claims.flatMap((claim) =>
    claim.kind === 'claimed'
      ? [{ ...claim.record, offset: { ...claim.record.offset, position: 9 }, park: [], unpark: [] }]
      : [],
  )
  await store.claim(projection, 1, 2)
  const write = async (handle: (evt: ProjectedEvt<Noted>, context: { readonly signal: AbortSignal }) => unknown) => {
    const evt: Noted = { type: 'Noted', n: 1 }
    const key = entityKey(TYPE, randomUUID())
    await handle({ evt, key, seqNo: 1, position: 9, appendId: '', time: new Date(), metadata: {} }, { signal })
  }
  const { signal } = new AbortController()
  const batch = {
    projection,
    evts: [],
    moves: () => moves,
    signal,
    each: write,
    whole: async () => {},
    forget: async () => {},
  }
  expect(await delivery.deliver(batch)).toEqual({ moved: new Map(), fenced: [1] })
  expect((await store.slices(projection)).map(({ offset }) => offset.position)).toEqual([0, 0])
  expect((await notes.admin.query('SELECT FROM applied')).rowCount).toBe(0)
})

test('projections that write elsewhere keep their offsets in PostgreSQL, too', async () => {
  const offsetStore = await PostgresOffsetStore.create({ pool: notes.pool, setup: true })
  onTestFinished(() => offsetStore.close())
  const seen: number[] = []
  const handler = () => atLeastOnce<Noted>(offsetStore, ({ evt }) => void seen.push(evt.n))
  const id = randomUUID()
  const first = await notes.start(handler())
  await first.reached(await notes.note(id, 3))
  await first.stop()
  const second = await notes.start(handler())
  await second.reached(await notes.note(id, 3))
  expect(seen).toEqual(upTo(6))
})
