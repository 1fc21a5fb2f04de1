import { InvalidInputError } from 'eventsourced'
import type { Pool, PoolConfig } from 'pg'
import { type Logger, pino } from 'pino'
import { type Names, names } from './names.js'

/** Where the connections come from: a pool of the caller's, never closed here, or settings for connections of one's own. */
export type ConnectionSource =
  | {
      /**
       * Lends one connection at a time for appends, and one for each page that is read, never for longer than a statement takes; so the
       * smallest of pools will do. LISTEN uses one connection outside of the pool, made from its options, while there are live reads. Give the
       * pool an `error` listener and `connectionTimeoutMillis`: without them pg ends the process when an idle connection is lost, and keeps
       * a connection for ever to a server that hangs.
       */
      readonly pool: Pool
      readonly connection?: never
    }
  | {
      /**
       * All of pg's connection and pool settings. `max` (10 by default) bounds the connections that read; one more is kept for appends, and
       * one for LISTEN while there are live reads. `connectionTimeoutMillis` is 10,000 by default.
       */
      readonly connection: PoolConfig
      readonly pool?: never
    }

/** What the log and the snapshot store have in common. */
export type PostgresConfig = ConnectionSource & {
  /** The database schema, `eventsourced` by default. Any name that PostgreSQL allows. */
  readonly schema?: string
  /** The table, and the beginning of the names of what belongs to it, at most 40 bytes. `events` or `snapshots` by default. */
  readonly table?: string
  /** Whether to create the schema, or to bring an older one up to date, if need be. Off by default. Any number of processes may do so at once. */
  readonly setup?: boolean
  /** Whether statements are prepared once a connection; on by default. Off for poolers in transaction mode that can't keep track of them. */
  readonly preparedStatements?: boolean
  /** Silent by default. */
  readonly logger?: Logger
}

/** A configuration once it is checked. */
export interface Checked {
  readonly source: ConnectionSource
  readonly names: Names
  readonly setup: boolean
  readonly preparedStatements: boolean
  readonly logger: Logger
}

const COMMON_FIELDS = ['pool', 'connection', 'schema', 'table', 'setup', 'preparedStatements', 'logger']

/** Checks what the log and the store have in common; `more` are the fields that only one of them knows. @throws {InvalidInputError} */
export function checkConfig(config: PostgresConfig, table: string, more: readonly string[] = []): Checked {
  if (typeof config !== 'object' || config === null) throw new InvalidInputError('config', config, 'an object')
  const known = [...COMMON_FIELDS, ...more]
  for (const field of Object.keys(config)) {
    if (!known.includes(field)) throw new InvalidInputError('config', field, `no other fields than ${known.join(', ')}`)
  }
  return {
    source: checkSource(config),
    names: names(config.schema ?? 'eventsourced', config.table ?? table),
    setup: checkFlag('setup', config.setup, false),
    preparedStatements: checkFlag('preparedStatements', config.preparedStatements, true),
    logger: config.logger ?? pino({ enabled: false }),
  }
}

function checkSource(config: ConnectionSource): ConnectionSource {
  const { pool, connection } = config
  if (pool !== undefined && connection !== undefined) {
    throw new InvalidInputError('pool', 'given beside connection', 'one of the two')
  }
  if (pool !== undefined) {
    if (!isPool(pool)) throw new InvalidInputError('pool', typeof pool, 'a pg.Pool')
    if (pool.ending) throw new InvalidInputError('pool', 'a pool that was ended', 'an open pg.Pool')
    return { pool }
  }
  if (typeof connection !== 'object' || connection === null) {
    throw new InvalidInputError('connection', connection, 'pg connection settings, or a pool')
  }
  const { port, max } = connection
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw new InvalidInputError('connection.port', port, 'a whole number from 1 to 65535')
  }
  if (max !== undefined && !(Number.isInteger(max) && max > 0)) {
    throw new InvalidInputError('connection.max', max, 'a whole number, 1 or more')
  }
  for (const field of ['host', 'user', 'database', 'connectionString'] as const) {
    const value = connection[field]
    if (value !== undefined && typeof value !== 'string') {
      throw new InvalidInputError(`connection.${field}`, value, 'a string')
    }
  }
  return { connection }
}

/** Judged by its shape: the caller's copy of pg may be another one than ours. */
function isPool(pool: Pool): boolean {
  return typeof pool === 'object' && pool !== null && typeof pool.connect === 'function' && 'totalCount' in pool
}

function checkFlag(field: string, value: boolean | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise
  if (typeof value !== 'boolean') throw new InvalidInputError(field, value, 'true or false')
  return value
}

/** Checks a whole number of the configuration within its bounds. @throws {InvalidInputError} */
export function checkCount(
  field: string,
  value: number | undefined,
  { otherwise, min, max }: { readonly otherwise: number; readonly min: number; readonly max: number },
): number {
  if (value === undefined) return otherwise
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidInputError(field, value, `a whole number from ${min} to ${max}`)
  }
  return value
}
