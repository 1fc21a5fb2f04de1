import { randomBytes, randomUUID } from 'node:crypto'
import { appendIds } from 'eventsourced'
import { PostgresSnapshotStore } from 'eventsourced-postgres'
import type { Client, PoolConfig } from 'pg'
import { connected } from './bare-inserts.js'

/** Bytes on disk an event. */
export interface Footprint {
  readonly evts: number
  readonly table: number
  readonly indexes: number
}

/** What the table of events takes, once its pages are full. */
export async function footprint(client: Client): Promise<Footprint> {
  const { rows } = await client.query<{ evts: string; table: string; indexes: string }>(`
    SELECT count(*) AS evts, pg_table_size('eventsourced.events') AS table, pg_indexes_size('eventsourced.events') AS indexes
    FROM eventsourced.events`)
  const [row] = rows
  const evts = Number(row?.evts)
  return { evts, table: Number(row?.table) / evts, indexes: Number(row?.indexes) / evts }
}

const OVERWRITES = [100, 1_000]
const MAX_ENTITIES = 50
const MAX_BYTES = 1_000_000

/** How much larger a table of snapshots is after so many overwrites than with each saved once. */
export interface Bloat {
  readonly bytes: number
  readonly times: number
  readonly value: number
}

/** Overwrites snapshots over and over, autovacuum left alone, and measures their table with its TOAST and its indexes. */
export async function snapshotBloat(connection: PoolConfig, bytes: number): Promise<Bloat[]> {
  const table = `snapshots_${bytes}`
  const store = await PostgresSnapshotStore.create({ connection, setup: true, table })
  const client = await connected(connection)
  const entities = Math.min(MAX_ENTITIES, MAX_BYTES / bytes)
  const keys = Array.from({ length: entities }, () => ({ typeName: 'counter', id: randomUUID() }))
  const nextAppendId = appendIds()
  const state = randomBytes(bytes) // which don't compress
  const saveAll = (seqNo: number): Promise<unknown> =>
    Promise.all(keys.map((key) => store.save(key, { seqNo, appendId: nextAppendId(), version: 1, bytes: state })))
  const size = async (): Promise<number> => {
    const { rows } = await client.query<{ size: string }>('SELECT pg_total_relation_size($1) AS size', [
      `eventsourced.${table}`,
    ])
    return Number(rows[0]?.size)
  }
  let seqNo = 1
  await saveAll(seqNo)
  const once = await size()
  const bloat: Bloat[] = []
  for (const times of OVERWRITES) {
    while (seqNo <= times) await saveAll(++seqNo)
    bloat.push({ bytes, times, value: (await size()) / once })
  }
  await client.end()
  await store.close()
  return bloat
}
