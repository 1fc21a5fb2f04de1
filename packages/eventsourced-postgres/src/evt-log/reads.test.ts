import { randomBytes } from 'node:crypto'
import { appendIds, sliceOf } from 'eventsourced'
import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends, collect, newAppend, newEvt, newKey, until, withClient, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let connection: PostgresConnection
let admin: Client
let log: PostgresEvtLog

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  log = await PostgresEvtLog.create({ connection, setup: true })
})

afterEach(async () => {
  await log.close()
  await admin.end()
})

/** Fills the table as appends would, but quickly. */
async function fill(client: Client, typeName: string, entities: number, evts: number): Promise<void> {
  await client.query(
    `INSERT INTO eventsourced.events
      (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
    SELECT nextval('eventsourced.events_position'), seq_no, seq_no, clock_timestamp(), 1, 0, id, gen_random_uuid(),
      $1, 'Happened', 'some bytes', '{}'
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $2::int) OFFSET 0) AS entities, generate_series(1, $3::int) AS seq_no`,
    [typeName, entities, evts],
  )
}

describe('pages', () => {
  test('of many events follow one another without gap or repeat', async () => {
    await fill(admin, 'counter', 7, 1_000)
    const evts = await collect(log.evtsByType('counter'))
    expect(evts).toHaveLength(7_000)
    expect(new Set(evts.map(({ position }) => position)).size).toBe(7_000)
    const [first] = evts
    const ofFirst = await collect(log.evtsById(first?.key ?? newKey()))
    expect(ofFirst.map(({ seqNo }) => seqNo)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
  })

  test('of large events end early, and each has one at least', async () => {
    const key = newKey()
    const sizes = Array.from({ length: 12 }, (_, index) => (index % 4 === 3 ? 5_000_000 : 700_000))
    let expected = ZERO
    for (const size of sizes) {
      expected = (await log.persist(newAppend(key, expected, newEvt({ bytes: new Uint8Array(size) })))).head
    }
    const counting = await PostgresEvtLog.create({ connection: { ...connection, options: '-c track_functions=pl' } })
    for (const read of [counting.evtsById(key), counting.evtsByType('counter')]) {
      const evts = await collect(read)
      expect(evts.map(({ bytes }) => bytes.byteLength)).toEqual(sizes)
    }
    await counting.close()
    // Three and one, three times over, and one that finds nothing more.
    await until('the pages are counted', async () => {
      const { rows } = await admin.query<{ calls: number }>(
        "SELECT calls::int FROM pg_stat_user_functions WHERE funcname IN ('events_page_by_id', 'events_page_by_type')",
      )
      return rows.length === 2 && rows.every(({ calls }) => calls === 7)
    })
  })

  const MUCH: Readonly<Record<string, string>> = {
    'much metadata': randomBytes(6_000).toString('hex'),
    'much metadata that takes little room': 'the same over and over '.repeat(522),
  }

  test.each(Object.entries(MUCH))('of events with %s end early too', async (_, much) => {
    const key = newKey()
    const metadata = { much }
    const groups = Array.from({ length: 20 }, () => [newEvt({ metadata })])
    await log.persist({ key, expected: ZERO, appendId: appendIds()(), groups })
    const { rows } = await admin.query<{ more: boolean; through: number }>(
      `SELECT more, through::int FROM eventsourced.events_page_by_id($1, $2, 1, 1000, 1000, 50000)
      UNION ALL SELECT more, through::int FROM eventsourced.events_page_by_type($1, 0, '{${sliceOf(key.id)}}', 8000, 50000)`,
      [key.typeName, key.id],
    )
    expect(rows).toEqual([
      { more: true, through: 5 },
      { more: true, through: 5 },
    ])
    expect((await collect(log.evtsById(key))).map((evt) => evt.metadata)).toEqual(groups.map(() => metadata))
  })

  test('with a row that somebody else wrote are refused, by the name of the event', async () => {
    const { key } = newAppend(newKey())
    await log.persist(newAppend(key))
    for (const odd of ['{"n": 1}', '["text"]', '"text"', 'null']) {
      await admin.query('UPDATE eventsourced.events SET metadata = $1', [odd])
      const error: unknown = await collect(log.evtsById(key)).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
      expect(String(error)).toContain(`${key.id}, seqNo 1`)
    }
  })

  test('of nothing but tombstones, or of other slices, are read past', async () => {
    await fill(admin, 'counter', 3_000, 1)
    await admin.query('UPDATE eventsourced.events SET bytes = NULL')
    const key = newKey()
    await log.persist({ key, expected: ZERO, appendId: appendIds()(), groups: [[newEvt()]] })
    await fill(admin, 'counter', 9_000, 1)
    const evts = await collect(log.evtsByType('counter'))
    expect(evts).toHaveLength(9_001)
    expect(evts[0]?.key).toEqual(key)
    await admin.query('UPDATE eventsourced.events SET slice = 1')
    await admin.query('UPDATE eventsourced.events SET slice = 2 WHERE id = $1', [key.id])
    expect(await collect(log.evtsByType('counter', { slice: [2, 5] }))).toHaveLength(1)
  })
})

/** How often the table was scanned so far, and how many of its rows were fetched through an index. */
async function stats(): Promise<{ scans: number; rows: number }> {
  // A backend tells what it did when it ends, at the latest.
  await until('no backend is left', async () => (await backends(admin, "backend_type = 'client backend'")) === 0)
  const { rows } = await admin.query<{ scans: number; rows: number }>(
    "SELECT seq_scan::int AS scans, idx_tup_fetch::int AS rows FROM pg_stat_user_tables WHERE relname = 'events'",
  )
  return rows[0] ?? { scans: Number.NaN, rows: Number.NaN }
}

test('the plans are index probes, on a table that was empty when they were made and on a full one', async () => {
  const use = async (): Promise<void> => {
    const key = newKey()
    let { head } = await log.persist(newAppend(key))
    for (let round = 0; round < 10; round++) {
      head = (await log.persist(newAppend(key, head))).head
      const batch = [newKey(), newKey(), newKey()].map((key) => log.persist(newAppend(key)))
      await Promise.all([...batch, log.head(key), log.headPosition()])
      await collect(log.evtsById(key))
      await collect(log.evtsByType('counter', { after: head.position }))
      await collect(log.evtsByType('counter', { after: head.position, slice: [sliceOf(key.id)] }))
      await log.persist(newAppend(key)).catch(() => undefined)
      await log.deleteEvts(key, round)
    }
  }
  await admin.query('ALTER TABLE eventsourced.events SET (autovacuum_enabled = off)')
  await log.close()
  const before = await stats()
  log = await PostgresEvtLog.create({ connection })
  await use()
  await withClient(connection, (client) => fill(client, 'counter', 1_000, 100))
  await withClient(connection, (client) => fill(client, 'other', 1_000, 10))
  await use()
  await log.close()
  const after = await stats()
  expect(after.scans - before.scans).toBe(0)
  // Far less than the rows that there are: nothing has gone through the table.
  expect(after.rows - before.rows).toBeGreaterThan(100)
  expect(after.rows - before.rows).toBeLessThan(5_000)
})

test('the ids of entities with many events are one index probe each, also by a plan made on an empty table', async () => {
  await log.close()
  const before = await stats()
  log = await PostgresEvtLog.create({ connection: { ...connection, max: 1 } })
  await collect(log.ids('counter'))
  await withClient(connection, (client) => fill(client, 'counter', 2_500, 40))
  const ids = await collect(log.ids('counter'))
  await log.close()
  const after = await stats()
  expect(new Set(ids).size).toBe(2_500)
  expect(ids).toHaveLength(2_500)
  expect(after.scans - before.scans).toBe(0)
  expect(after.rows - before.rows).toBeLessThan(5_100)
})

/** How the server runs what is in its functions for a statement that it has planned on the empty table, once that is full: a line a node of the plans. */
async function plansOf(statement: string, fill: () => Promise<readonly unknown[]>): Promise<string[]> {
  await admin.query('ALTER TABLE eventsourced.events SET (autovacuum_enabled = off)')
  // Where it is known to be empty nothing is cheaper than to scan all of it.
  await admin.query('VACUUM ANALYZE eventsourced.events')
  return withClient(connection, async (client) => {
    const { typeName, id } = newKey()
    const values = [typeName, id].slice(0, statement.split('$').length - 1)
    await client.query(statement, values)
    const filled = await fill()
    const plans: string[] = []
    client.on('notice', ({ message }) => plans.push(...(message ?? '').split('\n')))
    await client.query(`LOAD 'auto_explain'; SET auto_explain.log_nested_statements = on; SET auto_explain.log_min_duration = 0;
      SET client_min_messages = log`)
    await client.query(statement, filled.slice(0, values.length))
    return plans
  })
}

describe('the plan of', () => {
  const READS: Readonly<Record<string, string>> = {
    'a page by type': 'page_by_type($1, 0, NULL, 1000, 2000000)',
    'a page by type, of some slices': "page_by_type($1, 0, '{3,4}', 8000, 2000000)",
    'a page by id': 'page_by_id($1, $2, 1, 1000, 1000, 2000000)',
    'an entity’s head': 'entity_head($1, $2)',
    'what is stored of an append': 'stored_of_append($1, $2, 0, 1)',
    'the newest event up to a position': 'evt_up_to($1, 10000)',
    'the ids of a type': `entity_ids($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 1, 1000)`,
    'the head position': 'head_position()',
  }

  test.each(Object.entries(READS))(
    '%s is one of index scans, the same for all parameters, though it was made on an empty table',
    async (_, text) => {
      const plans = await plansOf(`SELECT * FROM eventsourced.events_${text}`, async () => {
        await fill(admin, 'counter', 20_000, 1)
        const { rows } = await admin.query<{ id: string }>('SELECT id FROM eventsourced.events LIMIT 1')
        return ['counter', rows[0]?.id]
      })
      const scans = plans.filter((line) => /Scan .*on events\b/.test(line))
      expect(scans.length).toBeGreaterThan(0)
      expect(scans.filter((line) => !/Index (Only )?Scan/.test(line))).toEqual([])
      // Sorted are entities, by how they were numbered as they were found, and the few events of an append; never those of a page.
      const sorts = plans.filter((line) => line.includes('Sort Key') && !/d\.nth|append_writer/.test(line))
      expect([...sorts, ...plans.filter((line) => /Bitmap|Hash/.test(line))]).toEqual([])
      // A plan for some parameters only would name their values.
      expect(plans.filter((line) => line.includes('Cond:') && line.includes("'counter'"))).toEqual([])
    },
  )
})

test('psql users see the events as documented', async () => {
  const key = newKey()
  const evt = newEvt({ bytes: Buffer.from('{"inc":1}'), metadata: { cause: 'a test' } })
  const append = newAppend(key, ZERO, evt)
  const { head } = await log.persist(append)
  const { rows } = await admin.query(`
    SELECT position::int, seq_no::int, append_writer || '-' || append_no AS append_id, type, version, slice, type_name, id,
      convert_from(bytes, 'UTF8')::jsonb AS evt, metadata, time > now() - interval '1 minute' AS is_recent
    FROM eventsourced.events`)
  expect(rows).toEqual([
    {
      position: head.position,
      seq_no: 1,
      append_id: append.appendId,
      type: 'Happened',
      version: 1,
      slice: sliceOf(key.id),
      type_name: 'counter',
      id: key.id,
      evt: { inc: 1 },
      metadata: { cause: 'a test' },
      is_recent: true,
    },
  ])
})
