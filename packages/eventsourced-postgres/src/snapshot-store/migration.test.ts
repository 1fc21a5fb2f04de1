import { randomBytes } from 'node:crypto'
import { appendIds } from 'eventsourced'
import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { splitAppendId } from '../append-id.js'
import { migrate } from '../database/migrate.js'
import { newKey } from '../fixture.test.helper.js'
import { PostgresSnapshotStore } from '../index.js'
import { names } from '../names.js'
import { SNAPSHOT_SCHEMA } from './schema.js'

const nextAppendId = appendIds()

let connection: PostgresConnection
let client: Client

beforeEach(async () => {
  connection = await testPostgres()
  client = new Client(connection)
  await client.connect()
})
afterEach(() => client.end())

/** What the first release set up, with functions of its names. */
async function firstRelease(): Promise<void> {
  await migrate(client, {
    kind: 'snapshots',
    names: names('eventsourced', 'snapshots'),
    setup: true,
    steps: SNAPSHOT_SCHEMA.steps.slice(0, 1),
    functions: () => [],
  })
  await client.query(`
    CREATE FUNCTION eventsourced.snapshots_save_snapshot (
      p_type_name text, p_id uuid, p_seq_no bigint, p_append_writer uuid, p_append_no bigint, p_version integer, p_bytes bytea, p_keep bigint
    ) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
    CREATE FUNCTION eventsourced.snapshots_load_snapshot (p_type_name text, p_id uuid, p_max_seq_no bigint)
    RETURNS TABLE (seq_no bigint, append_id text, version integer, bytes text)
    LANGUAGE sql AS 'SELECT 0::bigint, NULL, 0, NULL'`)
}

/** Saves a snapshot as it did, in one row. */
async function saveInOnePiece(key: { typeName: string; id: string }, slot: number, seqNo: number, bytes: Buffer) {
  const appendId = nextAppendId()
  const { writer, no } = splitAppendId(appendId)
  const values = [seqNo, no, slot, key.id, writer, key.typeName, bytes]
  await client.query(
    `INSERT INTO eventsourced.snapshots (seq_no, append_no, time, version, slot, id, append_writer, type_name, bytes)
    VALUES ($1, $2, now(), 1, $3, $4, $5, $6, $7)`,
    values,
  )
  return { seqNo, appendId, version: 1, bytes }
}

test.each([0, 200, 50_000])(
  'snapshots of %i bytes of the first release are there after it, and give way to new ones',
  async (size) => {
    await firstRelease()
    const key = newKey()
    const older = await saveInOnePiece(key, 0, 3, randomBytes(size))
    const newer = await saveInOnePiece(key, 1, 6, randomBytes(size))
    const opening = PostgresSnapshotStore.create({ connection })
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'setup' })
    // As many processes as may come at once.
    const stores = await Promise.all(
      Array.from({ length: 10 }, () => PostgresSnapshotStore.create({ connection, setup: true })),
    )
    const [store = await PostgresSnapshotStore.create({ connection })] = stores
    expect(await store.load(key)).toEqual(newer)
    expect(await store.load(key, { maxSeqNo: 5 })).toEqual(older)
    expect(await store.save(key, { ...older, seqNo: 5 }, { keep: 2 })).toEqual({ oldestSeqNo: 3 })

    const next = { ...newer, seqNo: 9, appendId: nextAppendId(), bytes: randomBytes(size + 5_000) }
    expect(await store.save(key, next, { keep: 2 })).toEqual({ oldestSeqNo: 6 })
    expect(await store.load(key)).toEqual(next)
    expect(await store.load(key, { maxSeqNo: 8 })).toEqual(newer)
    const last = { ...next, seqNo: 12, bytes: randomBytes(10) }
    expect(await store.save(key, last)).toEqual({ oldestSeqNo: 12 })
    expect(await store.load(key)).toEqual(last)
    expect((await client.query('SELECT DISTINCT slot FROM eventsourced.snapshots')).rowCount).toBe(1)
    for (const one of stores) await one.close()
  },
)
