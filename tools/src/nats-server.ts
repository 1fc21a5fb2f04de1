import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { withPort } from './free-port.js'
import { keepServer, type KeptServer } from './kept-server.js'
import { findNatsServer, type NatsServerProgram } from './nats-server-program.js'

export interface NatsServerOptions {
  /** Where the data lies and stays; without it the server is temporary: its data is removed when it stops. */
  readonly storeDir?: string
  /** The port of 127.0.0.1; a free one if not given. */
  readonly port?: number
  /** Whether JetStream is on; it is if not given. */
  readonly jetstream?: boolean
  /** Whether every write is synced to the disk before it is acknowledged (`sync_interval: always`). */
  readonly syncAlways?: boolean
  /** The largest message in bytes, headers included; 1 MiB if not given. */
  readonly maxPayload?: number
  /** More lines of the server's configuration: authorization, TLS, accounts, … */
  readonly config?: string
}

/** A running nats-server. */
export interface NatsServer extends KeptServer {
  /** `nats://127.0.0.1:<port>`, for `connect({ servers: url })`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** The server's version, such as `2.15.1`. */
  readonly version: string
  /** The folder with `jetstream` (the server's own), `nats-server.conf` and `server.log`. */
  readonly storeDir: string
}

/**
 * Starts a nats-server on 127.0.0.1, found or fetched as `findNatsServer` says.
 *
 * Waits for a server on the same data folder that is still stopping.
 *
 * @throws {Error} when there is no server for this machine, or with the end of its log when it does not start
 * @example
 * const nats = await startNatsServer({ syncAlways: true })
 * const connection = await connect({ servers: nats.url })
 * …
 * await nats.stop()
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = await findNatsServer()
  return withPort(options.port, (port) => start(program, port, options))
}

async function start(program: NatsServerProgram, port: number, options: NatsServerOptions): Promise<NatsServer> {
  const temporary = options.storeDir === undefined
  const folder = temporary ? mkdtempSync(join(tmpdir(), 'eventsourced-nats-')) : resolve(options.storeDir)
  const kept = await keepServer({
    folder,
    temporary,
    files: { 'nats-server.conf': configuration(folder, port, options) },
    command: [program.path, '--config', join(folder, 'nats-server.conf')],
    readyText: 'Server is ready',
    stopSignal: 'SIGTERM',
  })
  return Object.assign(kept, {
    url: `nats://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    version: program.version,
    storeDir: folder,
  })
}

function configuration(folder: string, port: number, options: NatsServerOptions): string {
  const { jetstream = true, syncAlways = false, maxPayload, config } = options
  const lines = ['host: "127.0.0.1"', `port: ${port}`]
  if (jetstream) {
    lines.push('jetstream {', `  store_dir: ${JSON.stringify(folder)}`)
    if (syncAlways) lines.push('  sync_interval: always')
    lines.push('}')
  }
  if (maxPayload !== undefined) lines.push(`max_payload: ${maxPayload}`)
  if (config !== undefined) lines.push(config)
  return `${lines.join('\n')}\n`
}
