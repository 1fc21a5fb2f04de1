import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPgBouncer } from './debian-programs.js'
import { withPort } from './free-port.js'
import { keepServer, type KeptServer } from './kept-server.js'
import { unprivileged } from './os-user.js'
import type { PostgresConnection } from './postgres.js'

/** A running pgbouncer, and the connection through it. */
export type PgBouncer = KeptServer & PostgresConnection

/**
 * Starts a pgbouncer on 127.0.0.1 that lends out few server connections, each for a transaction only.
 *
 * @throws {Error} that says how to install one, or with the end of its log when it does not start
 */
export async function startPgBouncer(target: PostgresConnection): Promise<PgBouncer> {
  const { bin, env } = await findPgBouncer()
  return withPort(undefined, async (port) => {
    const folder = mkdtempSync(join(tmpdir(), 'eventsourced-pgbouncer-'))
    const { user, wrap } = unprivileged([bin, folder])
    const kept = await keepServer({
      folder,
      temporary: true,
      ...(user && { user }),
      env,
      files: { 'pgbouncer.ini': configOf(port, target) },
      command: wrap([join(bin, 'pgbouncer'), join(folder, 'pgbouncer.ini')]),
      readyText: 'process up',
      stopSignal: 'SIGTERM',
    })
    return Object.assign(kept, { ...target, port })
  })
}

function configOf(port: number, { host, port: targetPort, user }: PostgresConnection): string {
  return `[databases]
* = host=${host} port=${targetPort} user=${user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`
}
