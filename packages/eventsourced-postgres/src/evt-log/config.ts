import { type Checked, checkConfig, checkCount, type PostgresConfig } from '../config.js'

/** The configuration of a {@link PostgresEvtLog}. */
export type PostgresEvtLogConfig = PostgresConfig & {
  /**
   * How long an append may take, waiting and trying again included, until its caller is told unavailable or uncertain; 15,000 ms by default. An
   * attempt that is on its way by then has one second at least, so that less is left in doubt.
   */
  readonly appendTimeoutMs?: number
  /** How long an append may wait for a lock that somebody else holds, until it is unavailable; 5,000 ms by default. */
  readonly lockTimeoutMs?: number
  /** How long a page of a read or a question may take; 30,000 ms by default. */
  readonly readTimeoutMs?: number
  /** The longest that a live read goes without looking by itself, should its notification be lost; 500 ms by default. */
  readonly pollIntervalMs?: number
  /** The most that appends which are not answered may weigh together, until more are unavailable; 128 MiB by default. */
  readonly maxWaitingBytes?: number
}

/** The same, checked. */
export interface CheckedEvtLogConfig extends Checked {
  readonly appendTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly readTimeoutMs: number
  readonly pollIntervalMs: number
  readonly maxWaitingBytes: number
}

const FIELDS = ['appendTimeoutMs', 'lockTimeoutMs', 'readTimeoutMs', 'pollIntervalMs', 'maxWaitingBytes']
const MAX_MS = 2 ** 31 - 1

/** Checks the configuration. @throws {InvalidInputError} naming the field */
export function checkEvtLogConfig(config: PostgresEvtLogConfig): CheckedEvtLogConfig {
  const checked = checkConfig(config, 'events', FIELDS)
  const ms = { min: 1, max: MAX_MS }
  return {
    ...checked,
    appendTimeoutMs: checkCount('appendTimeoutMs', config.appendTimeoutMs, { ...ms, otherwise: 15_000 }),
    lockTimeoutMs: checkCount('lockTimeoutMs', config.lockTimeoutMs, { ...ms, otherwise: 5_000 }),
    readTimeoutMs: checkCount('readTimeoutMs', config.readTimeoutMs, { ...ms, otherwise: 30_000 }),
    pollIntervalMs: checkCount('pollIntervalMs', config.pollIntervalMs, { ...ms, otherwise: 500 }),
    maxWaitingBytes: checkCount('maxWaitingBytes', config.maxWaitingBytes, {
      otherwise: 128 * 1_048_576,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    }),
  }
}
