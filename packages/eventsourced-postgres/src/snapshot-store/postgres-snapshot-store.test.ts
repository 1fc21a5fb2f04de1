import { appendIds } from 'eventsourced'
import { type PostgresConnection, startPostgres } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newKey, terminate, withClient } from '../fixture.test.helper.js'
import { MAX_SNAPSHOT_BYTES, PostgresSnapshotStore } from '../index.js'

let connection: PostgresConnection
let admin: Client
let store: PostgresSnapshotStore

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  store = await PostgresSnapshotStore.create({ connection, setup: true })
})

afterEach(async () => {
  await store.close()
  await admin.end()
})

function newSnapshot(seqNo: number, bytes: Uint8Array) {
  return { seqNo, appendId: appendIds()(), version: 1, bytes }
}

test('a snapshot that is too large is refused as such, and the one before stays', async () => {
  const key = newKey()
  const snapshot = newSnapshot(1, Buffer.from('small'))
  await store.save(key, snapshot)
  const large = newSnapshot(2, new Uint8Array(MAX_SNAPSHOT_BYTES + 1))
  await expect(store.save(key, large)).rejects.toMatchObject({ code: 'REFUSED', reason: 'too-large' })
  expect(await store.load(key)).toEqual(snapshot)
})

test('a snapshot of the largest size comes back', async () => {
  const key = newKey()
  const bytes = new Uint8Array(MAX_SNAPSHOT_BYTES).fill(7)
  await store.save(key, newSnapshot(1, bytes))
  const loaded = await store.load(key)
  expect(loaded && Buffer.compare(loaded.bytes, bytes)).toBe(0)
})

test('frequent snapshots don’t bloat the table', async () => {
  // A server of its own: transactions elsewhere on a server keep the remains of updates from being cleared away.
  const server = await startPostgres()
  const alone = await PostgresSnapshotStore.create({ connection: server, setup: true })
  const keys = Array.from({ length: 20 }, () => newKey())
  for (let seqNo = 1; seqNo <= 200; seqNo++) {
    await Promise.all(keys.map((key) => alone.save(key, newSnapshot(seqNo, Buffer.alloc(200, seqNo)), { keep: 2 })))
  }
  await alone.close()
  const { rows } = await withClient(server, (client) =>
    client.query<{ table: number; index: number }>(`
      SELECT (pg_relation_size('eventsourced.snapshots') / 8192)::int AS table,
        (pg_indexes_size('eventsourced.snapshots') / 8192)::int AS index`),
  )
  await server.stop()
  // 40 rows fill two pages, and the 4,000 that were written more than 100.
  expect(rows[0]?.table).toBeLessThan(40)
  expect(rows[0]?.index).toBeLessThan(6)
})

test('a store goes on after its connections were terminated', async () => {
  const key = newKey()
  await Promise.all([1, 2, 3].map((seqNo) => store.save(key, newSnapshot(seqNo, Buffer.from('state')), { keep: 3 })))
  expect(await terminate(admin, "backend_type = 'client backend'")).toBeGreaterThan(0)
  expect(await store.load(key)).toMatchObject({ seqNo: 3 })
})
