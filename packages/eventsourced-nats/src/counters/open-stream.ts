import type { Logger } from 'pino'
import { type JetStreamManager, nanos, NatsError, type StreamConfig, type StreamSource } from 'nats'
import { failureOf } from '../errors/failure.js'
import { isJson, type Json, numberAt } from '../wire/json.js'
import type { CounterSource, CountersConfig } from './config.js'
import { CounterError, counterError } from './counter-error.js'
import { limitAt } from './counter-stream.js'

/** A stream's configuration, with what the package's types don't know yet. */
type CounterStreamConfig = Partial<StreamConfig> & { readonly allow_msg_counter: boolean }

const STREAM_NOT_FOUND = 10059
const NAME_IN_USE = 10058

/**
 * Finds a stream and answers with its settings.
 *
 * @throws {CounterError} `STREAM` if it is missing or can't be looked for
 */
export async function findStream(manager: JetStreamManager, stream: string): Promise<Json> {
  try {
    const { config } = await manager.streams.info(stream)
    return { ...config }
  } catch (error) {
    if (!hasApiCode(error, STREAM_NOT_FOUND)) {
      throw counterError('STREAM', failureOf(`looking for the stream ${stream}`, error))
    }
    throw new CounterError('STREAM', `there is no stream ${stream}: create it first, with Counters.create`, {
      cause: error,
    })
  }
}

/**
 * Creates a stream and answers with its settings. One that is there already is taken if it counts the same.
 *
 * @throws {CounterError} `STREAM` if it can't be created, or is there and counts something else
 */
export async function createStream(manager: JetStreamManager, config: CountersConfig): Promise<Json> {
  const { stream } = config
  const settings = settingsOf(config)
  try {
    const { config: created } = await manager.streams.add(settings)
    return { ...created }
  } catch (error) {
    if (!hasApiCode(error, NAME_IN_USE)) {
      throw counterError('STREAM', failureOf(`creating the stream ${stream}`, error))
    }
  }
  const found = await findStream(manager, stream)
  checkCounter(stream, found)
  checkSame(stream, 'subjects', namesOf(found['subjects']), namesOf(settings.subjects))
  checkSame(stream, 'sources', sourcesOf(found['sources']), sourcesOf(settings.sources))
  return found
}

/**
 * Refuses a stream that doesn't count, or whose counters can't be read directly.
 *
 * @throws {CounterError} `COUNTER_NOT_ENABLED` or `DIRECT_ACCESS_REQUIRED`
 */
export function checkCounter(stream: string, settings: Json): void {
  if (settings['allow_msg_counter'] !== true) {
    throw new CounterError(
      'COUNTER_NOT_ENABLED',
      `the stream ${stream} keeps no counters: it was created without allow_msg_counter, which can't be turned on later`,
    )
  }
  if (settings['allow_direct'] !== true) {
    throw new CounterError('DIRECT_ACCESS_REQUIRED', `the stream ${stream} must have allow_direct, to be read from`)
  }
}

/** Warns of settings by which counters lose what they count. */
export function warnOfLosses(stream: string, settings: Json, replyTimeout: number, logger: Logger | undefined): void {
  for (const field of ['max_age', 'max_msgs', 'max_bytes']) {
    if (limitAt(settings, field) === Infinity) continue
    logger?.warn({ stream, setting: field }, 'counters that are not added to for long are removed, and begin anew at 0')
  }
  if (settings['storage'] === 'memory') logger?.warn({ stream }, 'counters are kept in memory only')
  if (settings['persist_mode'] === 'async') logger?.warn({ stream }, 'adds are acknowledged before they are written')
  const windowMs = windowOf(settings)
  if (windowMs < 2 * replyTimeout) {
    logger?.warn(
      { stream, windowMs, replyTimeout },
      'the duplicate window is too short to find out what became of adds',
    )
  }
}

/** For how long the stream knows message ids again, in milliseconds. */
export function windowOf(settings: Json): number {
  return (numberAt(settings, 'duplicate_window') ?? 0) / 1_000_000
}

function settingsOf({ stream, subjects, sources, replicas = 1, duplicateWindow, history }: CountersConfig) {
  const settings: CounterStreamConfig = {
    name: stream,
    description: 'eventsourced: counters',
    num_replicas: replicas,
    allow_msg_counter: true,
    allow_direct: true,
    ...(subjects === undefined || subjects.length === 0 ? {} : { subjects: [...subjects] }),
    ...(sources === undefined || sources.length === 0 ? {} : { sources: sources.map(sourceOf) }),
    ...(duplicateWindow === undefined ? {} : { duplicate_window: nanos(duplicateWindow) }),
    ...(history === undefined ? {} : { max_msgs_per_subject: history }),
  }
  return settings
}

function sourceOf({ stream, subjects, domain }: CounterSource): StreamSource {
  const transforms = Object.entries(subjects ?? {}).map(([src, dest]) => ({ src, dest }))
  return {
    name: stream,
    ...(transforms.length === 0 ? {} : { subject_transforms: transforms }),
    ...(domain === undefined ? {} : { domain }),
  }
}

function checkSame(stream: string, field: string, found: readonly string[], wanted: readonly string[]): void {
  const [there, asked] = [found.toSorted().join(', '), wanted.toSorted().join(', ')]
  if (there === asked) return
  throw new CounterError(
    'STREAM',
    `the stream ${stream} exists with other ${field}: ${there || 'none'} instead of ${asked || 'none'}`,
  )
}

function namesOf(subjects: unknown): string[] {
  return Array.isArray(subjects) ? subjects.map(String) : []
}

function sourcesOf(sources: unknown): string[] {
  return listOf(sources).map((source) => {
    const transforms = listOf(source['subject_transforms']).map(({ src, dest }) => `${String(src)} as ${String(dest)}`)
    return transforms.length === 0 ? String(source['name']) : `${String(source['name'])} (${transforms.join(', ')})`
  })
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : []
}

function hasApiCode(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code
}
