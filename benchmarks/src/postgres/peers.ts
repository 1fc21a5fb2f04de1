import { randomUUID } from 'node:crypto'
import { PostgresEventStorageAdapter } from '@castore/event-storage-adapter-postgres'
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import type { Contender } from '../measure.js'
import { appendAll, DATA, ENTITIES } from './appends.js'
import { connected } from './bare-inserts.js'

/** Another event store at its defaults, and how to leave it. */
export interface Peer extends Contender {
  readonly close: () => Promise<void>
}

/** emmett's event store: `appendToStream` with the expected version, its own pool and schema. */
export async function emmett(connectionString: string, times: number): Promise<Peer> {
  const eventStore = getPostgreSQLEventStore(connectionString)
  await eventStore.schema.migrate()
  const event = { type: 'Increased', data: DATA }
  return {
    name: 'emmett-postgresql: appendToStream',
    run: () => {
      const streams = Array.from({ length: ENTITIES }, () => {
        const stream = `counter-${randomUUID()}`
        let version = 0n
        return async () => {
          const appended = await eventStore.appendToStream(stream, [event], { expectedStreamVersion: version })
          version = appended.nextExpectedStreamVersion
        }
      })
      return appendAll(streams, times)
    },
    close: () => eventStore.close(),
  }
}

/** castore's adapter for PostgreSQL: `pushEvent`, with the version as its fence, its own pool and table. */
export async function castore(connectionString: string, times: number): Promise<Peer> {
  const adapter = new PostgresEventStorageAdapter({ connectionString })
  await PostgresEventStorageAdapter.createEventTable({ connectionString })
  return {
    name: 'castore: pushEvent',
    run: () => {
      const aggregates = Array.from({ length: ENTITIES }, () => {
        const aggregateId = randomUUID()
        let version = 0
        return async () => {
          const event = { aggregateId, version: ++version, type: 'Increased', payload: DATA }
          await adapter.pushEvent(event, { eventStoreId: 'counter' })
        }
      })
      return appendAll(aggregates, times)
    },
    // The adapter keeps its connections to itself: the server ends them.
    close: async () => {
      const client = await connected({ connectionString })
      await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`)
      await client.end()
    },
  }
}
