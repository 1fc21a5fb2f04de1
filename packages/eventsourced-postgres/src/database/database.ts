import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Client, Pool, type PoolConfig, type PoolOptions } from 'pg'
import type { ConnectionSource } from '../config.js'
import { messageOf } from '../errors/read-error.js'

/** The connections of a log or a store. */
export interface Database {
  /** Lends the connection that writes. Of a log's own connections it is kept for that, so that readers can't hold up an append. */
  readonly writers: Pool
  /** Lends connections that read. */
  readonly readers: Pool
  /** A connection outside of the pools, for LISTEN. The caller connects and ends it. */
  readonly listener: () => Client
  /** Closes what was opened here, never a pool that was handed in. */
  readonly close: () => Promise<void>
}

/**
 * Without a bound a connection to a server that hangs would never be given up, and count as one of the pool's for ever. A pool that is handed
 * in should have one too.
 */
const DEFAULTS = { connectionTimeoutMillis: 10_000, fallback_application_name: 'eventsourced', keepAlive: true }
/** How long close() waits for connections that are still being made. */
const GOODBYE_MS = 2_000

/** Makes the connections; none is opened before it is needed. */
export function openDatabase(source: ConnectionSource, logger: Logger): Database {
  if (source.pool !== undefined) {
    const { pool } = source
    return {
      writers: pool,
      readers: pool,
      listener: () => new Client({ keepAlive: true, ...pool.options, ...passwordOf(pool.options) }),
      close: () => Promise.resolve(),
    }
  }
  const connection = { ...DEFAULTS, ...source.connection }
  const writers = new Pool({ ...connection, max: 1 })
  const readers = new Pool(connection)
  for (const pool of [writers, readers]) {
    // Without a listener a connection that is lost while it is idle would end the process.
    pool.on('error', (error) => logger.warn({ error: messageOf(error) }, 'an idle connection was lost'))
  }
  return {
    writers,
    readers,
    listener: () => new Client(connection),
    close: async () => {
      const over = new AbortController()
      const ended = Promise.all([writers.end(), readers.end()])
      await Promise.race([ended, sleep(GOODBYE_MS, undefined, { signal: over.signal }).catch(() => undefined)])
      over.abort()
    },
  }
}

/** A pool hides its password from enumeration, and a spread loses it. */
function passwordOf({ password }: PoolOptions): Pick<PoolConfig, 'password'> {
  return password === undefined ? {} : { password }
}
