import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { appendIds, type EntityKey } from 'eventsourced'
import { type PostgresServer, startPostgres } from 'eventsourced-tools'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresSnapshotStore } from '../index.js'

const nextAppendId = appendIds()

let server: PostgresServer
let client: Client

beforeAll(async () => {
  // A server of its own, as transactions elsewhere on one keep what updates leave from being cleared away; and one that never vacuums.
  server = await startPostgres({ settings: { autovacuum: 'off' } })
  client = new Client(server)
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

/** A table of snapshots with some entities, of a type whose name is as long as it may be. */
async function snapshotsOf(table: string, entities: number) {
  const store = await PostgresSnapshotStore.create({ connection: server, setup: true, table })
  const keys: EntityKey[] = Array.from({ length: entities }, () => ({ typeName: 'n'.repeat(64), id: randomUUID() }))
  let seqNo = 0
  return {
    store,
    /** Saves a snapshot of each. */
    save: async (bytes: () => Buffer, keep = 1): Promise<unknown> => {
      seqNo++
      const saves = keys.map((key) => {
        return store.save(key, { seqNo, appendId: nextAppendId(), version: 1, bytes: bytes() }, { keep })
      })
      return Promise.all(saves)
    },
    /** How many bytes the table takes on disk, with its indexes and its TOAST. */
    size: async (): Promise<number> => {
      const text = 'SELECT pg_total_relation_size($1)::int AS size'
      const { rows } = await client.query<{ size: number }>(text, [`eventsourced.${table}`])
      return rows[0]?.size ?? Number.NaN
    },
  }
}

test.each([
  [200, 20, 1],
  [200, 20, 3],
  [2_000, 20, 1],
  [20_000, 5, 2],
  [200_000, 2, 1],
])(
  'states of %i bytes, of %i entities, overwritten again and again take the room of those written once, also without a vacuum (keeping %i)',
  async (bytes, entities, keep) => {
    const { store, save, size } = await snapshotsOf(`of_${bytes}_keeping_${keep}`, entities)
    for (let time = 0; time < keep; time++) await save(() => randomBytes(bytes), keep)
    const once = await size()
    for (let time = 0; time < 40; time++) await save(() => randomBytes(bytes), keep)
    expect(await size()).toBeLessThanOrEqual(once * 1.2)
    await store.close()
  },
)

test('states that grow and shrink take the room of the largest', async () => {
  const { store, save, size } = await snapshotsOf('growing', 5)
  await save(() => randomBytes(20_000))
  const once = await size()
  for (let time = 0; time < 60; time++) await save(() => randomBytes(randomInt(20_000)))
  expect(await size()).toBeLessThan(once * 1.5)
  await store.close()
})

test('a state that was very large once leaves few rows behind', async () => {
  const { store, save } = await snapshotsOf('shrinking', 1)
  for (const bytes of [1_000_000, 10]) await save(() => randomBytes(bytes))
  const { rowCount } = await client.query('SELECT FROM eventsourced.shrinking')
  expect(rowCount).toBeLessThan(150)
  await store.close()
})
