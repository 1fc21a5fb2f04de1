import { randomUUID } from 'node:crypto'
import { atLeastOnce } from 'eventsourced'
import type { Applied, ProjectionParts, ProjectionSubject } from 'eventsourced/testing'
import { Pool, type PoolConfig } from 'pg'
import {
  exactlyOnce,
  exactlyOnceGrouped,
  type ExactlyOnceOptions,
  PostgresEvtLog,
  PostgresOffsetStore,
} from './index.js'

/** How events come to the read model. */
export type DeliveryKind = 'exactly once' | 'exactly once, grouped' | 'at least once'

type Deliver = ProjectionParts['deliver']

const LEASES = { leaseTtlMs: 500 }

/** Creates subjects for scenarios of projections: each process has a pool of its own to the same database, and each subject its read model. */
export async function projectionSubjects(
  connection: PoolConfig,
  options: { readonly preparedStatements?: boolean } = {},
): Promise<(kind: DeliveryKind) => () => Promise<ProjectionSubject>> {
  await (await PostgresEvtLog.create({ connection, ...options, setup: true })).close()
  await (await PostgresOffsetStore.create({ connection, ...options, setup: true })).close()
  return (kind) => async () => {
    const opened: { close(): Promise<void> }[] = []
    const openPool = () => {
      const pool = new Pool({ ...connection, max: 4, connectionTimeoutMillis: 10_000 })
      pool.on('error', () => undefined)
      return pool
    }
    const admin = openPool()
    const table = `applied_${randomUUID().replaceAll('-', '')}`
    await admin.query(`CREATE TABLE ${table} (nth bigserial PRIMARY KEY, id text NOT NULL, seq_no integer NOT NULL)`)
    return {
      exactlyOnce: kind !== 'at least once',
      open: async () => {
        const pool = openPool()
        const evtLog = await PostgresEvtLog.create({ pool, ...options })
        const offsetStore = await PostgresOffsetStore.create({ pool, ...options, ...LEASES })
        opened.push({
          close: async () => {
            await evtLog.close()
            await offsetStore.close()
            await pool.end()
          },
        })
        return { evtLog, deliver: delivers({ pool, offsetStore, table, options: { ...options, ...LEASES } })[kind] }
      },
      applied: async () => {
        const { rows } = await admin.query<Applied>(`SELECT id, seq_no AS "seqNo" FROM ${table} ORDER BY nth`)
        return rows
      },
      close: async () => {
        await Promise.all(opened.map((one) => one.close()))
        await admin.end()
      },
    }
  }
}

interface DeliverParts {
  readonly pool: Pool
  readonly offsetStore: PostgresOffsetStore
  readonly table: string
  readonly options: ExactlyOnceOptions
}

function delivers({ pool, offsetStore, table, options }: DeliverParts): Readonly<Record<DeliveryKind, Deliver>> {
  const insert = `INSERT INTO ${table} (id, seq_no) VALUES ($1, $2)`
  return {
    'exactly once': (before) =>
      exactlyOnce(
        pool,
        async (evt, tx, context) => {
          await before(evt, context)
          await tx.query(insert, [evt.key.id, evt.seqNo])
        },
        options,
      ),
    'exactly once, grouped': (before) =>
      exactlyOnceGrouped(
        pool,
        async (evts, tx, context) => {
          for (const evt of evts) {
            await before(evt, context)
            await tx.query(insert, [evt.key.id, evt.seqNo])
          }
        },
        { ...options, maxEvts: 50 },
      ),
    'at least once': (before) =>
      atLeastOnce(offsetStore, async (evt, context) => {
        await before(evt, context)
        await pool.query(insert, [evt.key.id, evt.seqNo])
      }),
  }
}
