// A program that runs a projection until its input ends, for tests that kill it, pause it, or restart what it writes to:
// node projecting.test.fixture.js <options as JSON>. It prints a line once it takes part.

import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, Projection, type ProjectedEvt, type RunningProjection, sliceOf } from 'eventsourced'
import { Pool, type PoolConfig } from 'pg'
import { pino } from 'pino'
import { exactlyOnceGrouped, PostgresEvtLog, type Tx } from '../index.js'

/** What a process is told. */
export interface ProjectingOptions {
  readonly connection: PoolConfig
  /** Its name in the read model. */
  readonly owner: string
  readonly leaseTtlMs: number
}

const NAME = 'applied'

// The epoch is the record's: where it is not the one under which the slice was claimed, the move that follows is fenced off, and this with it.
const APPLY = `
  INSERT INTO applied (id, seq_no, position, slice, epoch, owner)
  SELECT e.id, e.seq_no, e.position, e.slice, p.epoch, $5
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::smallint[]) WITH ORDINALITY AS e (id, seq_no, position, slice, nth)
  JOIN eventsourced.projections AS p ON p.name = '${NAME}' AND p.version = 1 AND p.slice = e.slice
  ORDER BY e.nth`
// Rows that two processes would both want to lock.
const COUNT = `
  INSERT INTO totals (slice, count) SELECT slice, count(*) FROM unnest($1::smallint[]) AS e (slice) GROUP BY slice ORDER BY slice
  ON CONFLICT (slice) DO UPDATE SET count = totals.count + excluded.count`

async function apply(evts: readonly ProjectedEvt<string>[], tx: Tx, owner: string): Promise<void> {
  const slices = evts.map(({ key }) => sliceOf(key.id))
  const values = [evts.map(({ key }) => key.id), evts.map(({ seqNo }) => seqNo), evts.map(({ position }) => position)]
  await tx.query(APPLY, [...values, slices, owner])
  // So that a signal meets it now and then in the middle of a transaction.
  await sleep(Math.random() * 20)
  await tx.query(COUNT, [slices])
}

/** Asks again until the server is there. */
async function whenThere<Result>(open: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      await sleep(20)
    }
  }
}

function start(evtLog: PostgresEvtLog, pool: Pool, options: ProjectingOptions): Promise<RunningProjection> {
  const { owner, leaseTtlMs } = options
  const handler = exactlyOnceGrouped<string>(pool, (evts, tx) => apply(evts, tx, owner), {
    leaseTtlMs,
    maxEvts: 50,
  })
  const binarizer = { decodeEvt: ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString() }
  const logger = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }))
  return Projection.start({ name: NAME, typeName: 'counter', evtLog, binarizer, handler, logger })
}

function isOptions(value: unknown): value is ProjectingOptions {
  return typeof value === 'object' && value !== null && 'connection' in value && 'owner' in value
}

async function main(): Promise<void> {
  const options: unknown = JSON.parse(process.argv[2] ?? '')
  if (!isOptions(options)) throw new Error(`no options: ${process.argv[2]}`)
  const over = new Promise((resolve) => process.stdin.once('end', resolve).resume())
  const pool = new Pool({ ...options.connection, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  const evtLog = await whenThere(() => PostgresEvtLog.create({ pool }))
  const running = await whenThere(() => start(evtLog, pool, options))
  process.stdout.write('started\n')
  await over
  await running.stop()
  await evtLog.close()
  await pool.end()
}

await main()
