import { randomUUID } from 'node:crypto'
import {
  appendIds,
  type Delivery,
  type EntityKey,
  entityKey,
  type EvtLog,
  type Head,
  jsonBinarizer,
  type ProjectedEvt,
  Projection,
  retry,
} from 'eventsourced'
import { NatsEvtLog } from 'eventsourced-nats'
import { exactlyOnce, exactlyOnceGrouped, type Tx } from 'eventsourced-postgres'
import {
  type NatsServer,
  type PostgresServer,
  startNatsServer,
  startPostgres,
  startTcpProxy,
  type TcpProxy,
} from 'eventsourced-tools'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'

interface Noted {
  readonly type: 'Noted'
  readonly n: number
}

const binarizer = jsonBinarizer<Noted, unknown>({ evts: { Noted: [] } })
const nextAppendId = appendIds()
const STREAM = { stream: 'notes', setup: true, maxBytes: 100_000_000 }
const PATIENCE = { timeout: 30_000, interval: 20 }
/** How many events an entity gets before each thing that goes wrong. */
const EVTS = 15

let nats: NatsServer
let postgres: PostgresServer
let direct: Pool
let log: EvtLog
const closing: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  ;[nats, postgres] = await Promise.all([startNatsServer(), startPostgres({ settings: { fsync: 'off' } })])
  closing.push(() => Promise.all([nats.stop(), postgres.stop()]))
  direct = newPool(postgres.port)
  log = await NatsEvtLog.create({ servers: nats.url, ...STREAM })
  closing.push(() => log.close())
  await direct.query(
    'CREATE TABLE applied (no bigint GENERATED ALWAYS AS IDENTITY, by text NOT NULL, id uuid NOT NULL, n integer NOT NULL)',
  )
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

function newPool(port: number): Pool {
  const { host, user, database } = postgres
  const pool = new Pool({ host, user, database, port, max: 4, connectionTimeoutMillis: 2_000 })
  pool.on('error', () => undefined)
  closing.push(() => pool.end())
  return pool
}

async function newProxy(port: number): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ port })
  closing.push(() => proxy.close())
  return proxy
}

/** A process's lines to both servers, and what it reads and writes over them. */
interface Lines {
  readonly toNats: TcpProxy
  readonly toPostgres: TcpProxy
  readonly evtLog: EvtLog
  readonly pool: Pool
}

async function newLines(): Promise<Lines> {
  const [toNats, toPostgres] = await Promise.all([newProxy(nats.port), newProxy(postgres.port)])
  const evtLog = await NatsEvtLog.create({ servers: `127.0.0.1:${toNats.port}`, ...STREAM })
  closing.push(() => evtLog.close())
  return { toNats, toPostgres, evtLog, pool: newPool(toPostgres.port) }
}

type Mode = 'singly' | 'grouped'

/** Takes its time, so that there is always a transaction to be struck. */
function apply(by: Mode): (evts: readonly ProjectedEvt<Noted>[], tx: Tx) => Promise<unknown> {
  return async (evts, tx) => {
    await tx.query(
      'INSERT INTO applied (by, id, n) SELECT $1, id, n FROM unnest($2::uuid[], $3::integer[]) WITH ORDINALITY AS e (id, n, nth) ORDER BY nth',
      [by, evts.map(({ key }) => key.id), evts.map(({ evt }) => evt.n)],
    )
    await tx.query('SELECT pg_sleep(0.002)')
  }
}

const BOUNDS = { leaseTtlMs: 1_000, timeoutMs: 500 }
const DELIVERIES: Readonly<Record<Mode, (pool: Pool) => Delivery<Noted>>> = {
  singly: (pool) => exactlyOnce(pool, (evt, tx) => apply('singly')([evt], tx), BOUNDS),
  grouped: (pool) => exactlyOnceGrouped(pool, apply('grouped'), { ...BOUNDS, maxEvts: 20 }),
}

/** Starts both projections over a process's lines. */
async function startAll({ evtLog, pool }: Lines): Promise<void> {
  const onError = retry({ min: 1, max: 1, attempts: 1, then: 'park' })
  for (const name of ['singly', 'grouped'] as const) {
    const handler = DELIVERIES[name](pool)
    const running = await Projection.start({ name, typeName: 'note', evtLog, binarizer, handler, onError })
    closing.push(() => running.stop())
  }
}

const heads = new Map<EntityKey, Head>()

async function note(key: EntityKey, count: number): Promise<void> {
  for (let time = 0; time < count; time++) {
    const expected = heads.get(key) ?? { seqNo: 0, position: 0 }
    const evt = { ...binarizer.encodeEvt({ type: 'Noted', n: expected.seqNo + 1 }), metadata: {} }
    const { head } = await log.persist({ key, expected, appendId: nextAppendId(), groups: [[evt]] })
    heads.set(key, head)
  }
}

async function appliedCount(): Promise<number> {
  const { rows } = await direct.query<{ count: number }>('SELECT count(*)::integer AS count FROM applied')
  return rows[0]?.count ?? 0
}

/** Swallows one answer to a COMMIT, as a line does that dies without a word. */
function swallowCommit({ toPostgres }: Lines): void {
  let isSwallowed = false
  toPostgres.rule((bytes, direction) => {
    if (isSwallowed || direction !== 'answer' || !bytes.includes('COMMIT\0')) return 'pass'
    isSwallowed = true
    return 'drop'
  })
}

const ILLS: readonly ((lines: Lines) => unknown)[] = [
  ({ toPostgres }) => toPostgres.cut(),
  ({ toNats }) => toNats.cut(),
  swallowCommit,
  () => nats.kill().then(() => nats.start()),
  () => postgres.kill().then(() => postgres.start()),
]

test('events of JetStream are applied to PostgreSQL once each, in order, whichever server is killed, and whichever line is cut', async () => {
  const keys = Array.from({ length: 12 }, () => entityKey('note', randomUUID()))
  const lines = [await newLines(), await newLines()]
  for (const one of lines) await startAll(one)
  let expected = 0
  for (const ill of ILLS) {
    const before = await appliedCount()
    // All of them come at once when it goes wrong.
    for (const { toNats } of lines) toNats.rule((_, direction) => (direction === 'answer' ? 'hold' : 'pass'))
    await Promise.all(keys.map((key) => note(key, EVTS)))
    for (const { toNats } of lines) toNats.rule()
    await expect.poll(appliedCount, PATIENCE).toBeGreaterThan(before)
    for (const one of lines) await ill(one)
    expected += keys.length * EVTS * Object.keys(DELIVERIES).length
    await expect.poll(() => appliedCount().catch(() => 0), PATIENCE).toBe(expected)
  }
  const { rows } = await direct.query<{ ns: number[] }>(
    'SELECT array_agg(n ORDER BY no) AS ns FROM applied GROUP BY by, id',
  )
  const all = Array.from({ length: EVTS * ILLS.length }, (_, index) => index + 1)
  expect(rows.map(({ ns }) => ns)).toEqual(Array.from({ length: 2 * keys.length }, () => all))
})
