import { InvalidInputError } from 'eventsourced'
import type { Logger } from 'pino'
import { CONNECTION_FIELDS, type NatsConnectionConfig } from '../config/connection-config.js'
import { checkInboxPrefix, checkTimes } from '../config/evt-log-config.js'
import { checkCount, checkFields, checkFlag, checkName, isFields } from '../config/fields.js'

/** How a {@link NatsCounterStore} works. All times are in milliseconds. */
export type NatsCounterStoreConfig = NatsConnectionConfig & {
  /** The name of the key-value bucket: 1 to 64 of the characters `A-Z a-z 0-9 _ -`. */
  readonly bucket: string
  /** Whether to create the bucket if it is missing. Without it a missing bucket is an error. */
  readonly setup?: boolean
  /** On how many servers `setup` has the bucket stored, 1 to 5; 1 by default. */
  readonly replicas?: number
  /** How long an answer of the server may take before it counts as lost; 5,000 by default. */
  readonly replyTimeout?: number
  /** How long one attempt of an operation may take; 5,000 by default. How long it is tried again is the counter's `timeout`. */
  readonly timeout?: number
  /** What time it is, in milliseconds since 1970; the server's clock by default, as its messages tell it. */
  readonly clock?: () => number
  /** What the subjects for replies begin with, where permissions ask for one; `_INBOX` by default. */
  readonly inboxPrefix?: string
  readonly logger?: Logger
}

/** The configuration with all defaults, checked. */
export interface CheckedCounterStoreConfig {
  readonly bucket: string
  readonly setup: boolean
  readonly replicas: number
  readonly replyTimeout: number
  readonly timeout: number
  readonly clock: (() => number) | undefined
  readonly inboxPrefix: string | undefined
  readonly logger: Logger | undefined
}

const FIELDS = [
  ...CONNECTION_FIELDS,
  'bucket',
  'setup',
  'replicas',
  'replyTimeout',
  'timeout',
  'clock',
  'inboxPrefix',
  'logger',
]

/** @throws {InvalidInputError} naming the field */
export function checkCounterStoreConfig(config: NatsCounterStoreConfig): CheckedCounterStoreConfig {
  if (!isFields(config)) throw new InvalidInputError('config', config, 'an object')
  checkFields('', config, FIELDS)
  const { setup = false, replicas = 1, timeout = 5_000, replyTimeout = 5_000, clock } = config
  if (clock !== undefined && typeof clock !== 'function') throw new InvalidInputError('clock', clock, 'a function')
  return {
    bucket: checkName('bucket', config.bucket),
    setup: checkFlag('setup', setup),
    replicas: checkCount('replicas', replicas, 1, 5),
    ...checkTimes({ timeout, replyTimeout }),
    clock,
    inboxPrefix: checkInboxPrefix(config.inboxPrefix),
    logger: config.logger,
  }
}
