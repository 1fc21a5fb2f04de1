import { PostgresEvtLog } from 'eventsourced-postgres'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolConfig } from 'pg'
import { measure, ratio } from '../measure.js'
import { print, printMeasured } from '../report.js'
import { appendAll, appender, PAYLOAD } from './appends.js'
import { connected } from './bare-inserts.js'

const ENTITIES = 100_000
const ACTIVE = 1_000
/** Many short rounds, so that a moment in which the machine did something else is one of them; few appends in all, so that few stored events stay few. */
const TIMES = 10
const ROUNDS = 11

/** How much longer an append takes with many events stored than with ten thousand; 1,000 entities append in turn on both. */
export async function growth(few: PoolConfig, many: PoolConfig, evts: number): Promise<number> {
  const contenders = []
  for (const [connection, count] of [
    [few, 10_000],
    [many, evts],
  ] as const) {
    const evtLog = await PostgresEvtLog.create({ connection, setup: true })
    await fill(connection, count)
    contenders.push({ evtLog, count, active: await activeOf(connection, evtLog) })
  }
  await atRest(few)
  const measured = await measure(
    contenders.map(({ count, active }) => ({
      name: `appends at ${count.toLocaleString('en')} stored events`,
      run: () => appendAll(active, TIMES),
    })),
    ROUNDS,
  )
  printMeasured(`${ACTIVE.toLocaleString('en')} active of up to ${ENTITIES.toLocaleString('en')} entities`, measured)
  for (const { evtLog } of contenders) await evtLog.close()
  return ratio(measured[0], measured[1])
}

/** Stores the events of up to 100,000 entities by one statement, in turn. */
async function fill(connection: PoolConfig, evts: number): Promise<void> {
  const client = await connected(connection)
  const startedAt = performance.now()
  const entities = Math.min(ENTITIES, evts / 10)
  // Indexes that are built at the end take less time, and are no smaller a burden to appends: their pages are full.
  await client.query(`ALTER TABLE eventsourced.events
    DROP CONSTRAINT events_pkey, DROP CONSTRAINT events_type_name_position_key`)
  // The ids are spread like random ones; the slices are wrong, which is all the same to an append.
  await client.query(
    `INSERT INTO eventsourced.events
      (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
    SELECT n, (n - 1) / $1 + 1, 1, now(), 1, n % 64, overlay(overlay(md5('id ' || (n - 1) % $1) placing '4' from 13) placing '8' from 17)::uuid, md5('writer ' || (n - 1) % $1)::uuid,
      'counter', 'Increased', $2, '{}'
    FROM generate_series(1::bigint, $3::bigint) AS n`,
    [entities, PAYLOAD, evts],
  )
  await client.query(`ALTER TABLE eventsourced.events
    ADD PRIMARY KEY (type_name, id, seq_no), ADD UNIQUE (type_name, position)`)
  await client.query(`SELECT setval('eventsourced.events_position', $1)`, [evts])
  await client.query('VACUUM ANALYZE eventsourced.events')
  await client.end()
  const seconds = (performance.now() - startedAt) / 1_000
  print(`${evts.toLocaleString('en')} events stored in ${seconds.toFixed(0)} s`)
}

/** Lets the server come to rest: what was stored is on disk, and no autovacuum, which so many new rows call for, runs beside either. */
async function atRest(connection: PoolConfig): Promise<void> {
  const client = await connected(connection)
  const workers = "SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
  while (((await client.query(workers)).rowCount ?? 0) > 0) await sleep(100)
  await client.query('CHECKPOINT')
  await client.end()
}

async function activeOf(connection: PoolConfig, evtLog: PostgresEvtLog): Promise<(() => Promise<void>)[]> {
  const client = await connected(connection)
  const { rows } = await client.query<{ id: string; seq_no: string; position: string }>(
    `SELECT DISTINCT ON (id) id, seq_no, position FROM eventsourced.events
    WHERE id IN (SELECT e.id FROM eventsourced.events AS e WHERE e.position <= $1) ORDER BY id, seq_no DESC`,
    [ACTIVE],
  )
  await client.end()
  return rows.map(({ id, seq_no, position }) => {
    const head = { seqNo: Number(seq_no), position: Number(position) }
    return appender(evtLog, id, head).append
  })
}
