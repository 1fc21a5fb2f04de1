import { InvalidInputError } from 'eventsourced'
import type { Logger } from 'pino'
import type { Batching } from '../evt-log/persist/way.js'
import { CONNECTION_FIELDS, type NatsConnectionConfig } from './connection-config.js'
import { checkCount, checkFields, checkFlag, checkName, isFields } from './fields.js'

/**
 * What to do where events are less safe than they could be: `strict` refuses, `warn` logs. Settings that lose events as a matter of course
 * are refused in any case.
 */
export type Durability = 'strict' | 'warn'

/** How a {@link NatsEvtLog} works. All times are in milliseconds. */
export type NatsEvtLogConfig = NatsConnectionConfig & {
  /** The name of the stream, which all subjects begin with: 1 to 64 of the characters `A-Z a-z 0-9 _ -`. */
  readonly stream: string
  /** Whether to create the stream if it is missing. Without it a missing stream is an error. */
  readonly setup?: boolean
  /** On how many servers `setup` has the stream stored, 1 to 5; 1 by default. Three survive the loss of one. */
  readonly replicas?: number
  /** How large `setup` lets the stream become, in bytes; without a limit by default. A full stream refuses appends. */
  readonly maxBytes?: number
  /** `warn` by default. */
  readonly durability?: Durability
  /** How long an answer of the server may take before it counts as lost and is asked for again; 5,000 by default. */
  readonly replyTimeout?: number
  /** How long something is tried again before it fails: unavailable, or uncertain; 15,000 by default. */
  readonly timeout?: number
  /** How many bytes of appends may be on their way at once, others wait; 16 MiB by default. */
  readonly maxInFlightBytes?: number
  /**
   * Whether appends of one event share atomic batches: `auto`, the default, once the server answers slowly and many wait, as it does where
   * each write is synced to the disk; `never`; or `always` when many wait. Appends of several events always do.
   */
  readonly batching?: Batching
  /** What the subjects for replies begin with, where permissions ask for one; `_INBOX` by default. */
  readonly inboxPrefix?: string
  readonly logger?: Logger
}

/** The configuration with all defaults, checked. */
export interface CheckedEvtLogConfig {
  readonly stream: string
  readonly setup: boolean
  readonly replicas: number
  readonly maxBytes: number
  readonly durability: Durability
  readonly replyTimeout: number
  readonly timeout: number
  readonly maxInFlightBytes: number
  readonly batching: Batching
  readonly inboxPrefix: string | undefined
  readonly logger: Logger | undefined
}

const FIELDS = [
  ...CONNECTION_FIELDS,
  'stream',
  'setup',
  'replicas',
  'maxBytes',
  'durability',
  'replyTimeout',
  'timeout',
  'maxInFlightBytes',
  'batching',
  'inboxPrefix',
  'logger',
]
const MAX_MS = 3_600_000
const GIB = 2 ** 30

/** @throws {InvalidInputError} naming the field */
export function checkEvtLogConfig(config: NatsEvtLogConfig): CheckedEvtLogConfig {
  if (!isFields(config)) throw new InvalidInputError('config', config, 'an object')
  checkFields('', config, FIELDS)
  const { setup = false, replicas = 1, maxBytes = -1, durability = 'warn', maxInFlightBytes = 16_777_216 } = config
  if (durability !== 'strict' && durability !== 'warn') {
    throw new InvalidInputError('durability', durability, "'strict' or 'warn'")
  }
  return {
    stream: checkName('stream', config.stream),
    setup: checkFlag('setup', setup),
    replicas: checkCount('replicas', replicas, 1, 5),
    maxBytes: maxBytes === -1 ? maxBytes : checkCount('maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER),
    durability,
    ...checkTimes(config),
    maxInFlightBytes: checkCount('maxInFlightBytes', maxInFlightBytes, 1_024, GIB),
    batching: checkBatching(config.batching),
    inboxPrefix: checkInboxPrefix(config.inboxPrefix),
    logger: config.logger,
  }
}

function checkBatching(batching: Batching = 'auto'): Batching {
  if (['auto', 'never', 'always'].includes(batching)) return batching
  throw new InvalidInputError('batching', batching, "'auto', 'never' or 'always'")
}

/** @throws {InvalidInputError} naming the field */
export function checkTimes({ replyTimeout = 5_000, timeout = 15_000 }: { replyTimeout?: number; timeout?: number }): {
  readonly replyTimeout: number
  readonly timeout: number
} {
  return {
    replyTimeout: checkCount('replyTimeout', replyTimeout, 10, MAX_MS),
    timeout: checkCount('timeout', timeout, 10, MAX_MS),
  }
}

/** @throws {InvalidInputError} */
export function checkInboxPrefix(prefix: string | undefined): string | undefined {
  if (prefix === undefined || (typeof prefix === 'string' && /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(prefix))) return prefix
  throw new InvalidInputError('inboxPrefix', prefix, 'the beginning of a subject, without wildcards')
}
