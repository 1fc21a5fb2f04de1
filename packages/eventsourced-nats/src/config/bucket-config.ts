import { InvalidInputError } from 'eventsourced'
import type { Logger } from 'pino'
import { CONNECTION_FIELDS, type NatsConnectionConfig } from './connection-config.js'
import { checkInboxPrefix, checkTimes } from './evt-log-config.js'
import { checkCount, checkFields, checkFlag, checkName, isFields } from './fields.js'

/** How a store on a key-value bucket works. All times are in milliseconds. */
export type NatsBucketConfig = NatsConnectionConfig & {
  /** The name of the key-value bucket: 1 to 64 of the characters `A-Z a-z 0-9 _ -`. */
  readonly bucket: string
  /** Whether to create the bucket if it is missing. Without it a missing bucket is an error. */
  readonly setup?: boolean
  /** On how many servers `setup` has the bucket stored, 1 to 5; 1 by default. */
  readonly replicas?: number
  /** How long an answer of the server may take before it is asked for again; 5,000 by default. */
  readonly replyTimeout?: number
  /** How long something is tried again before it fails as unavailable; 15,000 by default. */
  readonly timeout?: number
  /** What the subjects for replies begin with, where permissions ask for one; `_INBOX` by default. */
  readonly inboxPrefix?: string
  readonly logger?: Logger
}

/** The configuration with all defaults, checked. */
export interface CheckedBucketConfig {
  readonly bucket: string
  readonly setup: boolean
  readonly replicas: number
  readonly replyTimeout: number
  readonly timeout: number
  readonly inboxPrefix: string | undefined
  readonly logger: Logger | undefined
}

const FIELDS = [...CONNECTION_FIELDS, 'bucket', 'setup', 'replicas', 'replyTimeout', 'timeout', 'inboxPrefix', 'logger']

/** @param more the names of settings beside these. @throws {InvalidInputError} naming the field */
export function checkBucketConfig(config: NatsBucketConfig, more: readonly string[] = []): CheckedBucketConfig {
  if (!isFields(config)) throw new InvalidInputError('config', config, 'an object')
  checkFields('', config, [...FIELDS, ...more])
  const { setup = false, replicas = 1 } = config
  return {
    bucket: checkName('bucket', config.bucket),
    setup: checkFlag('setup', setup),
    replicas: checkCount('replicas', replicas, 1, 5),
    ...checkTimes(config),
    inboxPrefix: checkInboxPrefix(config.inboxPrefix),
    logger: config.logger,
  }
}
