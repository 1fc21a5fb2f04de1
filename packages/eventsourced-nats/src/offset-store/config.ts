import { type CheckedBucketConfig, checkBucketConfig, type NatsBucketConfig } from '../config/bucket-config.js'
import { checkTtl } from '../lease/config.js'

/** How a {@link NatsOffsetStore} works. All times are in milliseconds. */
export type NatsOffsetStoreConfig = NatsBucketConfig & {
  /**
   * How long a process that no longer answers keeps its slices: whole seconds, as the server counts them; 5,000 by default. All processes must agree
   * on it.
   */
  readonly leaseTtlMs?: number
}

/** The configuration with all defaults, checked. */
export type CheckedOffsetStoreConfig = CheckedBucketConfig & { readonly leaseTtlMs: number }

/** @throws {InvalidInputError} naming the field */
export function checkOffsetStoreConfig(config: NatsOffsetStoreConfig): CheckedOffsetStoreConfig {
  const checked = checkBucketConfig(config, ['leaseTtlMs'])
  return { ...checked, leaseTtlMs: checkTtl('leaseTtlMs', config.leaseTtlMs) }
}
