import { readFileSync } from 'node:fs'
import type { NatsAuth, NatsServers } from 'eventsourced-nats'
import { type ConnectionOptions, credsAuthenticator } from 'nats'
import type { NatsServerConfig } from './config.js'

/** How a log and a store connect to a server. */
export function serversOf(server: NatsServerConfig): NatsServers {
  const { serverAddr = '' } = server
  const auth = authOf(server)
  return { servers: serverAddr, ...(auth === undefined ? {} : { auth }) }
}

function authOf({ user, password, token, credsFile }: NatsServerConfig): NatsAuth | undefined {
  if (user !== undefined) return { user, password: password ?? '' }
  if (token !== undefined) return { token }
  return credsFile === undefined ? undefined : { credsFile }
}

/** The same for a connection of the package's. */
export function connectionOptionsOf({
  serverAddr = '',
  user,
  password,
  token,
  credsFile,
}: NatsServerConfig): ConnectionOptions {
  const servers = serverAddr
  if (user !== undefined) return { servers, user, pass: password ?? '' }
  if (token !== undefined) return { servers, token }
  return credsFile === undefined ? { servers } : { servers, authenticator: credsAuthenticator(readFileSync(credsFile)) }
}
