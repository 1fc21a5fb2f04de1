export type { EntitySubject } from './entity-scenario/run-scenario.js'
export { entityScenario, entityScenarios, type EntityScenariosOptions } from './entity-scenarios.js'
export { forgetScenarios } from './forget-scenarios.js'
export {
  EntityTestKit,
  type EntityTestKitOptions,
  type GivenEntity,
  type TestAccepted,
  type TestRejected,
  type TestResult,
  type WhenOptions,
} from './entity-test-kit.js'
export type { EvtLogSubject } from './evt-log/fixture.js'
export { evtLogSuite } from './evt-log-suite.js'
export { type Fault, Faults, type Held } from './faults.js'
export { type Alter, type EvtLogOperation, FaultyEvtLog } from './faulty-evt-log.js'
export { FaultyLeaseStore, type LeaseStoreOperation } from './faulty-lease-store.js'
export { FaultyOffsetStore, type OffsetStoreOperation } from './faulty-offset-store.js'
export { FaultySnapshotStore, type SnapshotStoreOperation } from './faulty-snapshot-store.js'
export type { LeaseStoreSubject } from './lease-store/fixture.js'
export { leaseStoreSuite } from './lease-store-suite.js'
export type { OffsetStoreSubject } from './offset-store/fixture.js'
export { offsetStoreSuite } from './offset-store-suite.js'
export type {
  Applied,
  BeforeApplying,
  Noted,
  ProjectionParts,
  ProjectionSubject,
} from './projection-scenario/subject.js'
export { projectionScenarios, type ProjectionScenariosOptions } from './projection-scenarios.js'
export type { SnapshotStoreSubject } from './snapshot-store/fixture.js'
export { snapshotStoreSuite } from './snapshot-store-suite.js'
export type { SuiteCase } from './suite-case.js'
export { counterScenarios, type CounterScenariosOptions } from './counter-scenarios.js'
export type { InstanceAwareCounterSubject } from './counters/fixture.js'
export { type CounterStoreOperation, FaultyCounterStore } from './faulty-counter-store.js'
export { instanceAwareCounterSuite } from './instance-aware-counter-suite.js'
