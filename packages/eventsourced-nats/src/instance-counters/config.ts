import { InvalidInputError } from 'eventsourced'
import { checkBucketConfig, type CheckedBucketConfig, type NatsBucketConfig } from '../config/bucket-config.js'

/** How a {@link NatsCounterStore} works. All times are in milliseconds. */
export type NatsCounterStoreConfig = NatsBucketConfig & {
  /** How long one attempt of an operation may take; 5,000 by default. How long it is tried again is the counter's `timeout`. */
  readonly timeout?: number
  /** What time it is, in milliseconds since 1970; the server's clock by default, as its messages tell it. */
  readonly clock?: () => number
}

/** The configuration with all defaults, checked. */
export interface CheckedCounterStoreConfig extends CheckedBucketConfig {
  readonly clock: (() => number) | undefined
}

/** @throws {InvalidInputError} naming the field */
export function checkCounterStoreConfig(config: NatsCounterStoreConfig): CheckedCounterStoreConfig {
  const checked = checkBucketConfig(config, ['clock'])
  const { clock, timeout = 5_000 } = config
  if (clock !== undefined && typeof clock !== 'function') throw new InvalidInputError('clock', clock, 'a function')
  return { ...checked, timeout, clock }
}
