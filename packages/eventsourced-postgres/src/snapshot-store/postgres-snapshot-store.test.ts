import { randomUUID } from 'node:crypto'
import { appendIds } from 'eventsourced'
import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends, newKey, terminate, until } from '../fixture.test.helper.js'
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

test('loads beside saves and deletions of large states give whole ones', async () => {
  const another = await PostgresSnapshotStore.create({ connection })
  const key = newKey()
  const states = [90_000, 3_000, 40_000, 1].map((size, nth) => Buffer.alloc(size, nth + 1))
  let whole = 0
  for (let seqNo = 1; seqNo < 100; seqNo += states.length) {
    const saves = states.map((state, nth) =>
      (nth % 2 === 0 ? store : another).save(key, newSnapshot(seqNo + nth, state)),
    )
    const loads = Array.from({ length: 6 }, (_, nth) => (nth % 2 === 0 ? store : another).load(key))
    await Promise.all([...saves, ...loads, another.delete(key)])
    for (const loaded of await Promise.all(loads)) {
      if (loaded === undefined) continue
      expect(states.some((state) => state.equals(loaded.bytes))).toBe(true)
      whole++
    }
  }
  expect(whole).toBeGreaterThan(0)
  await store.delete(key)
  expect((await admin.query('SELECT FROM eventsourced.snapshots')).rowCount).toBe(0)
  await another.close()
})

test('a store goes on after its connections were terminated', async () => {
  const key = newKey()
  await Promise.all([1, 2, 3].map((seqNo) => store.save(key, newSnapshot(seqNo, Buffer.from('state')), { keep: 3 })))
  expect(await terminate(admin, "backend_type = 'client backend'")).toBeGreaterThan(0)
  expect(await store.load(key)).toMatchObject({ seqNo: 3 })
})

describe('where the isolation level is another one by default', () => {
  let isolated: PostgresSnapshotStore

  beforeEach(async () => {
    const options = '-c default_transaction_isolation=repeatable\\ read'
    isolated = await PostgresSnapshotStore.create({ connection: { ...connection, options } })
  })
  afterEach(() => isolated.close())

  test('a deletion deletes what a save that is under way is adding', async () => {
    const key = newKey()
    await admin.query('BEGIN')
    const values = [key.typeName, key.id, randomUUID()]
    await admin.query("SELECT eventsourced.snapshots_save_snapshot($1, $2, 1, $3, 1, 1, 'state', 1)", values)
    const deleting = isolated.delete(key)
    await until('it waits', async () => (await backends(admin, "wait_event_type = 'Lock'")) === 1)
    await admin.query('COMMIT')
    await deleting
    expect(await store.load(key)).toBeUndefined()
  })

  test('saves that race are all taken, and the newest wins', async () => {
    for (let round = 0; round < 20; round++) {
      const key = newKey()
      const seqNos = [1, 2, 3, 4]
      await Promise.all(seqNos.map((seqNo) => isolated.save(key, newSnapshot(seqNo, Buffer.alloc(3_000, seqNo)))))
      expect(await isolated.load(key)).toMatchObject({ seqNo: 4 })
    }
  })
})
