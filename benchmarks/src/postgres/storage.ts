import { randomUUID } from 'node:crypto'
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

const LIVE = 200
const OVERWRITES = 100

/**
 * Overwrites snapshots over and over, autovacuum left alone: how much larger the table is than with each saved once. Its oldest versions are
 * cleared page by page on the way, so that it stays a small multiple.
 */
export async function snapshotBloat(connection: PoolConfig, bytes: number): Promise<number> {
  const table = `snapshots_${bytes}`
  const store = await PostgresSnapshotStore.create({ connection, setup: true, table })
  const client = await connected(connection)
  const keys = Array.from({ length: LIVE }, () => ({ typeName: 'counter', id: randomUUID() }))
  const nextAppendId = appendIds()
  // Bytes that don't compress.
  const state = Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 16) }, () => Buffer.from(randomUUID().slice(0, 16))),
  )
  const saveAll = (seqNo: number): Promise<unknown> =>
    Promise.all(keys.map((key) => store.save(key, { seqNo, appendId: nextAppendId(), version: 1, bytes: state })))
  const size = async (): Promise<number> => {
    const { rows } = await client.query<{ size: string }>('SELECT pg_total_relation_size($1) AS size', [
      `eventsourced.${table}`,
    ])
    return Number(rows[0]?.size)
  }
  await saveAll(1)
  const once = await size()
  for (let seqNo = 2; seqNo <= OVERWRITES; seqNo++) await saveAll(seqNo)
  const bloat = (await size()) / once
  await client.end()
  await store.close()
  return bloat
}
