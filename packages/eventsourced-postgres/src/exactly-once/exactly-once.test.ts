import { setTimeout as sleep } from 'node:timers/promises'
import { randomUUID } from 'node:crypto'
import {
  appendIds,
  atLeastOnce,
  type Delivery,
  entityKey,
  jsonBinarizer,
  MemoryEvtLog,
  type ProjectedEvt,
  Projection,
  type ProjectionOptions,
  retry,
} from 'eventsourced'
import { type PostgresConnection, startTcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { collect, terminate } from '../fixture.test.helper.js'
import { exactlyOnce, exactlyOnceGrouped, PostgresOffsetStore, type Tx } from '../index.js'

interface Noted {
  readonly type: 'Noted'
  readonly n: number
}

const TYPE = 'note'
const PATIENCE = { timeout: 20_000, interval: 10 }
const binarizer = jsonBinarizer<Noted, unknown>({ evts: { Noted: [] } })
const nextAppendId = appendIds()

let connection: PostgresConnection
let pool: Pool
let admin: Client
let evtLog: MemoryEvtLog

beforeEach(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  admin = new Client(connection)
  await admin.connect()
  await admin.query(
    'CREATE TABLE applied (no bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL, n integer NOT NULL)',
  )
  evtLog = new MemoryEvtLog()
})

afterEach(async () => {
  await admin.end()
  await pool.end()
})

/** Appends an entity's next events, one append each. */
async function note(id: string, count = 1) {
  const key = entityKey(TYPE, id)
  let head = { seqNo: 0, position: 0 }
  const { seqNo, position } = await evtLog.head(key)
  head = { seqNo, position }
  for (let time = 0; time < count; time++) {
    const evt = { ...binarizer.encodeEvt({ type: 'Noted', n: head.seqNo + 1 }), metadata: {} }
    head = (await evtLog.persist({ key, expected: head, appendId: nextAppendId(), groups: [[evt]] })).head
  }
  return { key, position: head.position }
}

/** What a read model has of an entity, in the order in which it was applied. */
async function applied(id: string): Promise<number[]> {
  const { rows } = await admin.query<{ n: number }>('SELECT n FROM applied WHERE id = $1 ORDER BY no', [id])
  return rows.map(({ n }) => n)
}

async function apply({ key, evt }: ProjectedEvt<Noted>, tx: Tx): Promise<void> {
  await tx.query('INSERT INTO applied (id, n) VALUES ($1, $2)', [key.id, evt.n])
}

async function start(handler: Delivery<Noted>, over: Partial<ProjectionOptions<Noted>> = {}) {
  const onError = retry({ min: 1, max: 10, attempts: 3, then: 'park' })
  const running = await Projection.start({
    name: 'notes',
    typeName: TYPE,
    evtLog,
    binarizer,
    handler,
    onError,
    ...over,
  })
  onTestFinished(() => running.stop())
  return running
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1)
}

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
    const first = await start(handler(pool))
    await start(handler(pool))
    for (let round = 1; round <= 5; round++) {
      for (const id of ids) await note(id, 5)
      await terminate(admin, "query <> '' AND application_name <> 'admin'")
    }
    await first.stop()
    const third = await start(handler(pool))
    for (const id of ids) await third.reached(await note(id, 5), { deadline: new Date(Date.now() + 20_000) })
    for (const id of ids) expect(await applied(id)).toEqual(upTo(30))
  },
)

test('a connection that is lost in a handler is no failure of the event', async () => {
  let calls = 0
  const onError = vi.fn(retry({ attempts: 1, then: 'stop' }))
  const handler = exactlyOnce<Noted>(pool, async (evt, tx) => {
    await apply(evt, tx)
    if (calls++ === 0) await tx.query('SELECT pg_terminate_backend(pg_backend_pid())')
  })
  const projection = await start(handler, { onError })
  const id = randomUUID()
  await projection.reached(await note(id))
  expect(onError).not.toHaveBeenCalled()
  expect(await applied(id)).toEqual([1])
})

test('a statement that can’t be sent is the handler’s failure, not the connection’s', async () => {
  const projection = await start(exactlyOnce<Noted>(pool, (_, tx) => tx.query('SELECT $1::jsonb', [{ n: 1n }])))
  const id = randomUUID()
  await note(id)
  await expect.poll(async () => (await collect(projection.manage.parked({ id }))).length, PATIENCE).toBe(1)
})

test('what a handler wrote for an event that failed is rolled back, and the event tried again', async () => {
  let failures = 2
  const projection = await start(
    exactlyOnce<Noted>(pool, async (evt, tx) => {
      await apply(evt, tx)
      if (failures-- > 0) await tx.query('SELECT 1 / 0')
    }),
  )
  const id = randomUUID()
  await projection.reached(await note(id, 3))
  expect(await applied(id)).toEqual(upTo(3))
})

test.each([
  ['commits', (tx: Tx) => tx.query('COMMIT')],
  ['rolls back', (tx: Tx) => tx.query('ROLLBACK')],
  ['goes on after a statement that failed', (tx: Tx) => tx.query('SELECT 1 / 0').catch(() => undefined)],
  ['leaves a constraint broken to the end', (tx: Tx) => tx.query('INSERT INTO strict VALUES (1), (1)')],
])('a handler that %s has failed, and the offset does not move past its event', async (_, offend) => {
  await admin.query('CREATE TABLE strict (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  const projection = await start(exactlyOnce<Noted>(pool, (__, tx) => offend(tx)))
  const id = randomUUID()
  await note(id)
  await expect.poll(async () => (await collect(projection.manage.parked({ id }))).length, PATIENCE).toBe(1)
})

test('a handler that outlives its transaction changes nothing any more', async () => {
  const late: Promise<unknown>[] = []
  let calls = 0
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const projection = await start(
    exactlyOnce<Noted>(pool, async (evt, tx) => {
      await apply(evt, tx)
      if (calls++ > 0) return
      late.push(released.then(() => apply(evt, tx)))
      await late[0]
    }),
    { handlerTimeoutMs: 300 },
  )
  const id = randomUUID()
  await projection.reached(await note(id), { deadline: new Date(Date.now() + 20_000) })
  release()
  await expect(late[0]).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await applied(id)).toEqual([1])
})

test('a transaction that idles for too long is ended by the server, with its locks', async () => {
  let calls = 0
  const ended = vi.fn()
  const projection = await start(
    exactlyOnce<Noted>(
      pool,
      async (evt, tx) => {
        await apply(evt, tx)
        if (calls++ > 0) return
        // As a paused process would, it says nothing until the server has ended it.
        await expect
          .poll(
            () =>
              admin
                .query("SELECT FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
                .then(({ rowCount }) => rowCount),
            PATIENCE,
          )
          .toBe(0)
        ended()
      },
      { idleInTransactionMs: 200 },
    ),
  )
  const id = randomUUID()
  await projection.reached(await note(id), { deadline: new Date(Date.now() + 20_000) })
  expect(ended).toHaveBeenCalledOnce()
  expect(await applied(id)).toEqual([1])
})

test('an event whose handler always leaves its transaction idle for too long has failed; the others go on', async () => {
  const [slow, other] = [randomUUID(), randomUUID()]
  const handler = exactlyOnce<Noted>(
    pool,
    async (evt, tx) => {
      await apply(evt, tx)
      if (evt.key.id === slow) await sleep(600)
    },
    { idleInTransactionMs: 100 },
  )
  const last = await note(slow)
  const projection = await start(handler)
  const deadline = new Date(Date.now() + 20_000)
  await projection.reached(await note(other), { deadline })
  await expect(projection.reached(last, { deadline })).rejects.toMatchObject({ code: 'PARKED' })
  expect([await applied(slow), await applied(other)]).toEqual([[], [1]])
})

test.each(['request', 'answer'] as const)(
  'a connection cut at the %s of a COMMIT applies the event once',
  async (cutAt) => {
    const proxy = await startTcpProxy({ port: connection.port })
    onTestFinished(() => proxy.close())
    const throughProxy = new Pool({ ...connection, host: '127.0.0.1', port: proxy.port, max: 4 })
    throughProxy.on('error', () => undefined)
    onTestFinished(() => throughProxy.end())
    let cuts = 0
    let isCommitting = false
    const projection = await start(exactlyOnce<Noted>(throughProxy, apply))
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
      await projection.reached(await note(id, 2), { deadline: new Date(Date.now() + 20_000) })
    }
    expect(cuts).toBe(3)
    expect(await applied(id)).toEqual(upTo(20))
  },
)

test('a handler serves a later start too: after one that failed, and after a stop', async () => {
  const handler = exactlyOnce<Noted>(pool, apply)
  await admin.query('CREATE SCHEMA eventsourced; CREATE VIEW eventsourced.projections AS SELECT 1')
  await expect(start(handler)).rejects.toThrow('projections')
  await admin.query('DROP VIEW eventsourced.projections')
  const id = randomUUID()
  const first = await start(handler)
  await first.reached(await note(id))
  await first.stop()
  const second = await start(handler)
  await second.reached(await note(id))
  expect(await applied(id)).toEqual([1, 2])
})

test('an option that is wrong is refused at once, and named', () => {
  const wrong = () => exactlyOnce<Noted>(pool, apply, { idleInTransactionMs: Number.NaN })
  expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', field: 'idleInTransactionMs' }))
})

test('where one slice of a batch is fenced off nothing of the batch is stored', async () => {
  const delivery = exactlyOnce<Noted>(pool, apply)
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
  const batch = { projection, evts: [], moves, signal, each: write, whole: () => Promise.resolve() }
  expect(await delivery.deliver(batch)).toEqual({ moved: new Map(), fenced: [1] })
  expect((await store.slices(projection)).map(({ offset }) => offset.position)).toEqual([0, 0])
  expect((await admin.query('SELECT FROM applied')).rowCount).toBe(0)
})

test('projections that write elsewhere keep their offsets in PostgreSQL, too', async () => {
  const offsetStore = await PostgresOffsetStore.create({ pool, setup: true })
  onTestFinished(() => offsetStore.close())
  const seen: number[] = []
  const handler = () => atLeastOnce<Noted>(offsetStore, ({ evt }) => void seen.push(evt.n))
  const id = randomUUID()
  const first = await start(handler())
  await first.reached(await note(id, 3))
  await first.stop()
  const second = await start(handler())
  await second.reached(await note(id, 3))
  expect(seen).toEqual(upTo(6))
})
