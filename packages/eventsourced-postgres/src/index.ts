export type { ConnectionSource, PostgresConfig } from './config.js'
export { PostgresCounterStore, type PostgresCounterStoreConfig } from './counters/postgres-counter-store.js'
export type { PostgresEvtLogConfig } from './evt-log/config.js'
export { exactlyOnce, exactlyOnceGrouped, type ExactlyOnceOptions } from './exactly-once/exactly-once.js'
export type { Tx } from './exactly-once/guarded-tx.js'
export { PostgresLeaseStore, type PostgresLeaseStoreConfig } from './lease/postgres-lease-store.js'
export { MAX_GROUP_BYTES } from './evt-log/measure.js'
export { PostgresEvtLog } from './evt-log/postgres-evt-log.js'
export { PostgresOffsetStore, type PostgresOffsetStoreConfig } from './offset-store/postgres-offset-store.js'
export {
  MAX_SNAPSHOT_BYTES,
  PostgresSnapshotStore,
  type PostgresSnapshotStoreConfig,
} from './snapshot-store/postgres-snapshot-store.js'
