import { InvalidInputError } from 'eventsourced'
import { type CheckedBucketConfig, checkBucketConfig, type NatsBucketConfig } from '../config/bucket-config.js'
import { checkCount } from '../config/fields.js'

/** How a {@link NatsLeaseStore} works. All times are in milliseconds. */
export type NatsLeaseStoreConfig = NatsBucketConfig & {
  /** How long a member lives after a heartbeat: whole seconds, as the server counts them; 5,000 by default. All processes must agree on it. */
  readonly ttlMs?: number
}

/** The configuration with all defaults, checked. */
export type CheckedLeaseStoreConfig = CheckedBucketConfig & { readonly ttlMs: number }

/** An answer that takes longer than this part of a lease's time comes too late: the next heartbeat does more. */
const PATIENCE = 1 / 4
const DAY_MS = 86_400_000

/** @throws {InvalidInputError} naming the field */
export function checkLeaseStoreConfig(config: NatsLeaseStoreConfig): CheckedLeaseStoreConfig {
  const checked = checkBucketConfig(config, ['ttlMs'])
  const ttlMs = checkTtl('ttlMs', config.ttlMs)
  const patience = ttlMs * PATIENCE
  return {
    ...checked,
    ttlMs,
    replyTimeout: Math.min(checked.replyTimeout, patience),
    timeout: Math.min(checked.timeout, patience),
  }
}

/** Checks how long leases last. @throws {InvalidInputError} */
export function checkTtl(field: string, ttlMs = 5_000): number {
  checkCount(field, ttlMs, 1_000, DAY_MS)
  if (ttlMs % 1_000 !== 0) throw new InvalidInputError(field, ttlMs, 'whole seconds, in milliseconds')
  return ttlMs
}
