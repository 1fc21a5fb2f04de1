import { connect, type NetConnectOpts } from 'node:net'
import type { ClientBase } from 'pg'

/** What stands in place of a protocol version where a connection is made to cancel what another one does. */
const CANCEL_REQUEST = 80_877_102
const TIMEOUT_MS = 5_000

/** What `pg` knows of a connection, and its types leave out: by what the server knows its backend, and where it is. */
interface Cancellable {
  readonly processID: number
  readonly secretKey: number
  readonly host: string
  readonly port: number
}

/**
 * Has the server end the statement that a connection is at, which is to be cut: a backend that waits for a lock does not notice that nobody is there any longer, and
 * would be one of the server's connections for as long as the lock is held. Nobody waits for it, and where it fails it is as if it had not been tried.
 */
export function cancel(client: ClientBase): void {
  if (!isCancellable(client)) return
  const request = Buffer.alloc(16)
  for (const [index, value] of [16, CANCEL_REQUEST, client.processID, client.secretKey].entries()) {
    request.writeInt32BE(value, 4 * index)
  }
  const socket = connect(addressOf(client))
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.resume().end(request)
}

/** Sent in the open, as psql does, also where connections are encrypted: the server takes it either way. */
function addressOf({ host, port }: Cancellable): NetConnectOpts {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
}

function isCancellable(client: ClientBase): client is ClientBase & Cancellable {
  if (!('processID' in client && 'secretKey' in client && 'host' in client && 'port' in client)) return false
  const { processID, secretKey, host, port } = client
  return [processID, secretKey, port].every((one) => typeof one === 'number') && typeof host === 'string'
}
