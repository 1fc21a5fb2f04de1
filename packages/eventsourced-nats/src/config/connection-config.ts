import { readFile } from 'node:fs/promises'
import { hasCode, InvalidInputError, RefusedError, UnavailableError } from 'eventsourced'
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  NatsError,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats'
import { messageOf } from '../errors/message-of.js'
import { checkFields, checkText, isFields } from './fields.js'

/** How to log in to a server. */
export type NatsAuth =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  /** The path of a credentials file: a user's JWT and seed, as `nsc` writes them. */
  | { readonly credsFile: string }

/** TLS to the server. The servers' names must be in their certificates. An empty object asks for TLS with the system's authorities. */
export interface NatsTls {
  /** Certificates of the authorities to trust, as PEM: the path of a file, or the text. */
  readonly caFile?: string
  readonly ca?: string
  /** The client's own certificate and key, as PEM, where the server asks for them: the paths of files, or the texts. */
  readonly certFile?: string
  readonly cert?: string
  readonly keyFile?: string
  readonly key?: string
  /** Whether TLS begins before the server has said anything, which the server must be configured for. */
  readonly handshakeFirst?: boolean
}

/** A connection of the log's own, or of the store's: it is closed with it. */
export interface NatsServers {
  /** One or several of a cluster's servers, as `host:port` or `nats://host:port`. */
  readonly servers: string | readonly string[]
  readonly auth?: NatsAuth
  readonly tls?: NatsTls
  /** How the server names this client in its monitoring; `eventsourced` by default. */
  readonly clientName?: string
  readonly connection?: undefined
}

/** A connection of the caller's: it is used and never closed. */
export interface NatsConnected {
  readonly connection: NatsConnection
  readonly servers?: undefined
  readonly auth?: undefined
  readonly tls?: undefined
  readonly clientName?: undefined
}

export type NatsConnectionConfig = NatsServers | NatsConnected

/** The names of all settings above. */
export const CONNECTION_FIELDS = ['connection', 'servers', 'auth', 'tls', 'clientName'] as const

const TLS_TEXTS = ['caFile', 'ca', 'certFile', 'cert', 'keyFile', 'key'] as const
const RECONNECT_WAIT_MS = 250
const CONNECT_TIMEOUT_MS = 5_000
// A server that hangs keeps its connections open: two pings without an answer, and another server is looked for at the third.
const PING_INTERVAL_MS = 2_000
const MAX_PINGS_OUT = 2

/** A connection, and whether it is ours to close. */
export interface Connected {
  readonly connection: NatsConnection
  readonly isOwn: boolean
}

/**
 * The connection that a configuration asks for.
 *
 * @throws {InvalidInputError} naming the field
 * @throws {UnavailableError} if no server answers
 * @throws {RefusedError} with the reason `forbidden` if the server does not let us in
 */
export async function connected(config: NatsConnectionConfig, inboxPrefix: string | undefined): Promise<Connected> {
  if (config.connection !== undefined) {
    for (const field of ['servers', 'auth', 'tls', 'clientName'] as const) {
      if (config[field] !== undefined) throw new InvalidInputError(field, config[field], 'none beside a connection')
    }
    if (!isFields(config.connection) || typeof config.connection.publish !== 'function') {
      throw new InvalidInputError('connection', config.connection, 'a NatsConnection, as connect() of nats gives it')
    }
    if (config.connection.isClosed()) throw new InvalidInputError('connection', 'closed', 'an open connection')
    return { connection: config.connection, isOwn: false }
  }
  const options = await connectionOptions(config, inboxPrefix)
  try {
    return { connection: await connect(options), isOwn: true }
  } catch (error) {
    throw connectFailure(config, error)
  }
}

async function connectionOptions(
  { servers, auth, tls, clientName = 'eventsourced' }: NatsServers,
  inboxPrefix: string | undefined,
): Promise<ConnectionOptions> {
  return {
    servers: checkServers(servers),
    name: checkText('clientName', clientName),
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    // Credentials that are being replaced must not end the connection for good.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(auth === undefined ? {} : { authenticator: await authenticator(auth) }),
    ...(tls === undefined ? {} : { tls: await checkTls(tls) }),
  }
}

function checkServers(servers: string | readonly string[]): string[] {
  const list = typeof servers === 'string' ? [servers] : servers
  if (!Array.isArray(list) || list.length === 0) {
    throw new InvalidInputError('servers', servers, 'host:port, or a list of them, or else a connection')
  }
  return list.map((server: unknown, index) => {
    const field = typeof servers === 'string' ? 'servers' : `servers[${index}]`
    if (typeof server !== 'string' || !isServer(server)) throw new InvalidInputError(field, server, 'host:port')
    return server
  })
}

function isServer(server: string): boolean {
  const url = server.includes('://') ? server : `nats://${server}`
  return /^(nats|tls):\/\/[^/\s]+$/.test(url) && URL.canParse(url)
}

async function authenticator(auth: NatsAuth): Promise<Authenticator> {
  if (!isFields(auth)) throw new InvalidInputError('auth', auth, 'user and password, a token, or a credsFile')
  if ('user' in auth) {
    checkFields('auth', auth, ['user', 'password'])
    return usernamePasswordAuthenticator(checkText('auth.user', auth.user), checkText('auth.password', auth.password))
  }
  if ('token' in auth) {
    checkFields('auth', auth, ['token'])
    return tokenAuthenticator(checkText('auth.token', auth.token))
  }
  checkFields('auth', auth, ['credsFile'])
  const creds = await readSetting('auth.credsFile', auth.credsFile)
  const authenticate = credsAuthenticator(creds)
  try {
    // A file that is none shows when it is first used, which else were in the middle of connecting.
    authenticate('nonce')
  } catch (cause) {
    throw new InvalidInputError('auth.credsFile', auth.credsFile, "a credentials file: a user's JWT and seed", {
      cause,
    })
  }
  return authenticate
}

async function checkTls(tls: NatsTls): Promise<NonNullable<ConnectionOptions['tls']>> {
  if (!isFields(tls)) throw new InvalidInputError('tls', tls, 'an object')
  checkFields('tls', tls, [...TLS_TEXTS, 'handshakeFirst'])
  for (const field of TLS_TEXTS) {
    if (tls[field] === undefined) continue
    checkText(`tls.${field}`, tls[field])
    if (field.endsWith('File')) await readSetting(`tls.${field}`, tls[field])
  }
  const hasCert = tls.cert !== undefined || tls.certFile !== undefined
  const hasKey = tls.key !== undefined || tls.keyFile !== undefined
  if (hasCert && !hasKey)
    throw new InvalidInputError('tls.keyFile', undefined, 'the key that belongs to the certificate')
  if (hasKey && !hasCert)
    throw new InvalidInputError('tls.certFile', undefined, 'the certificate that belongs to the key')
  if (tls.handshakeFirst !== undefined && typeof tls.handshakeFirst !== 'boolean') {
    throw new InvalidInputError('tls.handshakeFirst', tls.handshakeFirst, 'true or false')
  }
  return tls
}

async function readSetting(field: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(checkText(field, path))
  } catch (cause) {
    if (hasCode(cause, 'INVALID_INPUT')) throw cause
    throw new InvalidInputError(field, path, 'a file that can be read', { cause })
  }
}

function connectFailure({ servers }: NatsServers, cause: unknown): Error {
  const message = messageOf(cause)
  const text = `connecting to NATS at ${[servers].flat().join(', ')}: ${message}`
  if (cause instanceof NatsError && cause.isAuthError()) return new RefusedError('forbidden', text, { cause })
  return new UnavailableError(text, { cause })
}
