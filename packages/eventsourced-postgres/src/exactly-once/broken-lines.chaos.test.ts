import { randomUUID } from 'node:crypto'
import { type ProjectedEvt, retry, type RunningProjection } from 'eventsourced'
import { startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { drawn } from 'eventsourced-tools/properties'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { until } from '../fixture.test.helper.js'
import { exactlyOnceGrouped, type Tx } from '../index.js'
import { type Noted, Notes, upTo } from './notes.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const STEPS = Number(CHAOS_ROUNDS) * 40
const PROCESSES = 3
const LEASE_TTL_MS = 600
const PATIENT = { timeout: 120_000 + STEPS * 2_000 }

/** What becomes of a line between a process and the server. */
type Ill = 'well' | 'cuts some' | 'cuts requests of COMMIT' | 'cuts answers to COMMIT' | 'swallows answers' | 'is cut'
const ILLS: readonly Ill[] = [
  'well',
  'well',
  'cuts some',
  'cuts requests of COMMIT',
  'cuts answers to COMMIT',
  'swallows answers',
  'is cut',
]

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
  await notes.admin.query(
    `CREATE TABLE shared (version integer PRIMARY KEY, count integer NOT NULL); INSERT INTO shared VALUES (1, 0), (2, 0);
    CREATE TABLE by_version (no bigint GENERATED ALWAYS AS IDENTITY, version integer NOT NULL, id uuid NOT NULL, n integer NOT NULL)`,
  )
})
afterEach(() => notes.end())

function befall(proxy: TcpProxy, ill: Ill): void {
  const isCommit = (bytes: Buffer) => bytes.includes('COMMIT\0')
  switch (ill) {
    case 'well':
      return proxy.rule()
    case 'cuts some':
      return proxy.rule(() => (Math.random() < 0.02 ? 'cut' : 'pass'))
    case 'cuts requests of COMMIT':
      return proxy.rule((bytes, direction) => (direction === 'request' && isCommit(bytes) ? 'cut' : 'pass'))
    case 'cuts answers to COMMIT':
      return proxy.rule((bytes, direction) => (direction === 'answer' && isCommit(bytes) ? 'cut' : 'pass'))
    case 'swallows answers':
      return proxy.rule((_, direction) => (direction === 'answer' && Math.random() < 0.05 ? 'drop' : 'pass'))
    case 'is cut':
      proxy.rule()
      return proxy.cut()
  }
}

async function appliedCount(): Promise<number> {
  const { rows } = await notes.admin.query<{ count: number }>('SELECT count(*)::integer AS count FROM by_version')
  return rows[0]?.count ?? 0
}

/** A version's handler: it writes rows of its own, and one that all processes want. */
function applying(version: number): (evts: readonly ProjectedEvt<Noted>[], tx: Tx) => Promise<void> {
  return async (evts, tx) => {
    const values = [version, evts.map(({ key }) => key.id), evts.map(({ evt }) => evt.n)]
    await tx.query(
      'INSERT INTO by_version (version, id, n) SELECT $1, id, n FROM unnest($2::uuid[], $3::integer[]) WITH ORDINALITY AS e (id, n, nth) ORDER BY nth',
      values,
    )
    await tx.query('UPDATE shared SET count = count + $2 WHERE version = $1', [version, evts.length])
  }
}

interface Line {
  readonly proxy: TcpProxy
  readonly pool: Pool
}

/** A process's line to the server. */
async function newLine(): Promise<Line> {
  const { connection } = notes
  const proxy = await startTcpProxy({ port: connection.port })
  const pool = new Pool({ ...connection, host: '127.0.0.1', port: proxy.port, max: 6, connectionTimeoutMillis: 1_000 })
  pool.on('error', () => undefined)
  onTestFinished(async () => {
    await proxy.close()
    await pool.end()
  })
  return { proxy, pool }
}

function start({ pool }: Line, version: number): Promise<RunningProjection> {
  const bounds = { leaseTtlMs: LEASE_TTL_MS, timeoutMs: 1_000, maxEvts: 20 }
  const handler = exactlyOnceGrouped<Noted>(pool, applying(version), bounds)
  const onError = retry({ min: 1, max: 50, attempts: Number.POSITIVE_INFINITY })
  return notes.start(handler, { version, handlerTimeoutMs: 1_000, onError })
}

/** Proves that a version has applied all events of all entities, once each and in order, to its own rows and to the shared one. */
async function expectOnce(version: number, counts: ReadonlyMap<string, number>): Promise<void> {
  const { rows } = await notes.admin.query<{ id: string; n: number }>(
    'SELECT id, n FROM by_version WHERE version = $1 ORDER BY no',
    [version],
  )
  for (const [id, count] of counts) {
    expect(rows.filter((row) => row.id === id).map(({ n }) => n)).toEqual(upTo(count))
  }
  const shared = await notes.admin.query('SELECT count FROM shared WHERE version = $1', [version])
  expect(shared.rows).toEqual([{ count: rows.length }])
}

test(
  `over lines that break in ${STEPS} ways, by the dice of ${CHAOS_SEED}, two versions apply each event once`,
  PATIENT,
  async () => {
    const counts = new Map(Array.from({ length: 12 }, () => [randomUUID(), 0]))
    const lines = await Promise.all(Array.from({ length: PROCESSES }, newLine))
    const firsts = await Promise.all(lines.map((line) => start(line, 1)))
    const seconds = await Promise.all(lines.map((line) => start(line, 2)))
    const seed = Number(CHAOS_SEED)
    // One of them is always well: while no COMMIT gets through nothing is applied.
    const victims = drawn(lines.slice(1), { seed: seed + 1, count: STEPS })
    for (const [nth, ill] of drawn(ILLS, { seed, count: STEPS }).entries()) {
      const before = await appliedCount()
      const victim = victims[nth]
      if (victim !== undefined) befall(victim.proxy, ill)
      for (const [id, count] of counts) {
        await notes.note(id, 2)
        counts.set(id, count + 2)
      }
      await until('some are applied', async () => (await appliedCount()) > before)
    }
    for (const { proxy } of lines) befall(proxy, 'well')
    const deadline = new Date(Date.now() + 60_000)
    await seconds[0]?.manage.promote({ deadline })
    await firsts[0]?.manage.caughtUp({ deadline })
    for (const version of [1, 2]) await expectOnce(version, counts)
    expect((await seconds[0]?.status())?.serving).toBe(true)
  },
)
