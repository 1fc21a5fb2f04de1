import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Client, Pool, type PoolClient, type PoolConfig, type PoolOptions } from 'pg'
import type { ConnectionSource } from '../config.js'
import { messageOf } from '../errors/read-error.js'
import type { Bounds } from './in-time.js'
import { KeptConnection } from './kept-connection.js'
import { lend } from './lend.js'

/** The connections of a log or a store. */
export interface Database {
  /** Lends the connection that writes. Of a log's own connections it is kept for that, so that readers can't hold up an append. */
  readonly lendWriter: <T>(bounds: Bounds, work: (client: PoolClient) => Promise<T>) => Promise<T>
  /** Lends connections that read. */
  readonly readers: Pool
  /** A connection outside of the pools, for LISTEN. The caller connects and ends it. */
  readonly listener: () => Client
  /** Closes what was opened here, never a pool that was handed in. */
  readonly close: () => Promise<void>
}

/**
 * Without a bound a connection to a server that hangs would never be given up, and count as one of the pool's for ever. A pool that is handed
 * in should have one too. Probes tell of an idle connection that is lost, and have routers on the way not forget it.
 */
const DEFAULTS = {
  connectionTimeoutMillis: 10_000,
  fallback_application_name: 'eventsourced',
  keepAlive: true,
  keepAliveInitialDelayMillis: 30_000,
}
/** How long close() waits for connections that are still being made. */
const GOODBYE_MS = 2_000

/** Makes the connections; none is opened before it is needed. */
export function openDatabase(source: ConnectionSource, logger: Logger): Database {
  if (source.pool !== undefined) {
    const { pool } = source
    return {
      lendWriter: (bounds, work) => lend(pool, bounds, work),
      readers: pool,
      listener: () => new Client({ keepAlive: true, ...pool.options, ...passwordOf(pool.options) }),
      close: () => Promise.resolve(),
    }
  }
  const connection = { ...DEFAULTS, ...source.connection }
  const writers = new Pool({ ...connection, max: 1, idleTimeoutMillis: 0 })
  const readers = new Pool(connection)
  for (const pool of [writers, readers]) {
    // Without a listener a connection that is lost while it is idle would end the process.
    pool.on('error', (error) => logger.warn({ error: messageOf(error) }, 'an idle connection was lost'))
  }
  const writer = new KeptConnection(writers, logger)
  return {
    lendWriter: (bounds, work) => writer.lend(bounds, work),
    readers,
    listener: () => new Client(connection),
    close: async () => {
      const over = new AbortController()
      const ended = Promise.all([writer.close(), readers.end()])
      await Promise.race([ended, sleep(GOODBYE_MS, undefined, { signal: over.signal }).catch(() => undefined)])
      over.abort()
    },
  }
}

/** A pool hides its password from enumeration, and a spread loses it. */
function passwordOf({ password }: PoolOptions): Pick<PoolConfig, 'password'> {
  return password === undefined ? {} : { password }
}
