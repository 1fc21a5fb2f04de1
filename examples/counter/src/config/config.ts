import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ConfigError } from './config-error.js'
import { readSettings, type Settings } from './sources.js'

const MAX_ENTITIES = 1_000_000
const MAX_EVTS = 1_000_000_000
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** A whole number; the environment gives it as text. */
function whole(max: number) {
  const error = `a whole number from 1 to ${max}`
  const fromText = (value: unknown) => (typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value)
  return z.preprocess(fromText, z.int({ error }).min(1, { error }).max(max, { error }))
}

const text = z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' })

/** What the runner does. */
const counter = z.strictObject({
  entityCount: whole(MAX_ENTITIES),
  evtCount: whole(MAX_EVTS),
  snapshotAfter: whole(MAX_EVTS),
})

const postgresServer = z.strictObject({
  host: text.optional(),
  port: whole(65_535).optional(),
  user: text.optional(),
  password: text.optional(),
  dbname: text.optional(),
})

const natsServer = z.strictObject({
  serverAddr: text.optional(),
  user: text.optional(),
  password: text.optional(),
  token: text.optional(),
  credsFile: text.optional(),
})

const postgresConfig = z.strictObject({
  counter,
  evtLog: postgresServer.extend({ dataDir: text }),
  snapshotStore: postgresServer,
})

const natsConfig = z.strictObject({
  counter,
  evtLog: natsServer.extend({ dataDir: text, stream: text }),
  snapshotStore: natsServer.extend({ bucket: text }),
})

export type CounterConfig = z.infer<typeof counter>
export type PostgresServerConfig = z.infer<typeof postgresServer>
export type NatsServerConfig = z.infer<typeof natsServer>
export type PostgresConfig = z.infer<typeof postgresConfig>
export type NatsConfig = z.infer<typeof natsConfig>
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Reads the configuration of counter-postgres. @throws {ConfigError} naming the place of each wrong setting */
export function readPostgresConfig(env: NodeJS.ProcessEnv): PostgresConfig {
  const settings = readSettings(configDir(env), ['counter.yaml', 'postgres.yaml'], env)
  const config = checked(postgresConfig, settings)
  for (const section of ['evtLog', 'snapshotStore'] as const) {
    refuseWithout(settings, section, 'host', ['port', 'user', 'password', 'dbname'])
  }
  return config
}

/** Reads the configuration of counter-nats. @throws {ConfigError} naming the place of each wrong setting */
export function readNatsConfig(env: NodeJS.ProcessEnv): NatsConfig {
  const settings = readSettings(configDir(env), ['counter.yaml', 'nats.yaml'], env)
  const config = checked(natsConfig, settings)
  for (const section of ['evtLog', 'snapshotStore'] as const) {
    refuseWithout(settings, section, 'serverAddr', ['user', 'password', 'token', 'credsFile'])
  }
  return config
}

/** The level of the log, from `LOG_LEVEL`. @throws {ConfigError} */
export function readLogLevel({ LOG_LEVEL = 'error' }: NodeJS.ProcessEnv): LogLevel {
  const level = LOG_LEVELS.find((known) => known === LOG_LEVEL)
  if (level !== undefined) return level
  throw new ConfigError([
    `the variable LOG_LEVEL is ${JSON.stringify(LOG_LEVEL)}: expected one of ${LOG_LEVELS.join(', ')}`,
  ])
}

function configDir({ CONFIG_DIR }: NodeJS.ProcessEnv): string {
  return CONFIG_DIR ?? fileURLToPath(new URL('../../config', import.meta.url))
}

function checked<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  settings: Settings,
): z.infer<z.ZodObject<Shape>> {
  const empty = Object.fromEntries(Object.keys(schema.shape).map((section) => [section, {}]))
  const result = schema.safeParse({ ...empty, ...settings.sections })
  if (result.success) return result.data
  throw new ConfigError(result.error.issues.flatMap((issue) => linesOf(issue, settings)))
}

function linesOf(issue: z.core.$ZodIssue, { places, sections }: Settings): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key].join('.')
      return `${places.get(path) ?? path}: ${path} is no setting of this program`
    })
  }
  const [section = '', key = ''] = issue.path.map(String)
  const path = `${section}.${key}`
  const place = places.get(path)
  if (place === undefined)
    return [`${path} is missing: set it in a file of the configuration, or by ${variableOf(path)}`]
  return [`${place}: ${path} is ${shown(key, sections[section]?.[key])}: expected ${issue.message}`]
}

/** Settings that only mean something beside another one must not be there in vain. */
function refuseWithout(settings: Settings, section: string, needed: string, keys: readonly string[]): void {
  const values = settings.sections[section] ?? {}
  if (values[needed] !== undefined) return
  const lines = keys
    .filter((key) => values[key] !== undefined)
    .map(
      (key) =>
        `${settings.places.get(`${section}.${key}`)}: ${section}.${key} is of no use without ${section}.${needed}`,
    )
  if (lines.length > 0) throw new ConfigError(lines)
}

/** `APP__EVT_LOG__HOST` for `evtLog.host`. */
function variableOf(path: string): string {
  const words = path.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).replaceAll('.', '__')
  return `APP__${words.toUpperCase()}`
}

function shown(key: string, value: unknown): string {
  return key === 'password' || key === 'token' ? `a ${typeof value}` : JSON.stringify(value)
}
