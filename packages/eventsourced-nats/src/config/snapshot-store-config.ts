import type { NatsBucketConfig } from './bucket-config.js'

/** How a {@link NatsSnapshotStore} works. All times are in milliseconds. */
export type NatsSnapshotStoreConfig = NatsBucketConfig
