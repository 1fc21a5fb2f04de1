import {
  evtLogSuite,
  instanceAwareCounterSuite,
  leaseStoreSuite,
  offsetStoreSuite,
  projectionScenarios,
  snapshotStoreSuite,
} from 'eventsourced/testing'
import type { PoolConfig } from 'pg'
import { beforeAll, describe, test } from 'vitest'
import { postgresCounters } from './counters/counters.test.fixture.js'
import {
  PostgresCounterStore,
  PostgresEvtLog,
  PostgresLeaseStore,
  PostgresOffsetStore,
  PostgresSnapshotStore,
} from './index.js'
import { type DeliveryKind, projectionSubjects } from './projection-subject.test.fixture.js'
import { reopening } from './reopening.test.helper.js'

/** A database, and how it is to be talked to. */
export interface SuiteSettings {
  readonly connection: PoolConfig
  readonly preparedStatements?: boolean
}

/** What holds where LISTEN brings something only. */
const LISTENING = 'where changes can be watched'

/** Live reads that must poll don't take long to do so. */
const POLLING = { pollIntervalMs: 20 }
const KINDS: readonly DeliveryKind[] = ['exactly once', 'exactly once, grouped']

/** All that the backend keeps in a database, by all suites and some scenarios of projections: each in its own tables, which are set up first. */
export function describeSuites(
  where: string,
  connect: () => Promise<SuiteSettings>,
  { listens }: { readonly listens: boolean },
): void {
  let settings: SuiteSettings
  let create: Awaited<ReturnType<typeof projectionSubjects>>

  beforeAll(async () => {
    settings = await connect()
    const kinds = [PostgresEvtLog, PostgresSnapshotStore, PostgresLeaseStore, PostgresOffsetStore, PostgresCounterStore]
    for (const kind of kinds) await (await kind.create({ ...settings, setup: true })).close()
    const { connection, ...others } = settings
    create = await projectionSubjects(connection, others)
  })

  describe(`${where}, PostgresEvtLog`, () => {
    test.for(evtLogSuite)('$name', ({ run }) =>
      run(async () => {
        const { first, ...rest } = await reopening(() => PostgresEvtLog.create({ ...settings, ...POLLING }))
        return { log: first, ...rest }
      }),
    )
  })

  describe(`${where}, PostgresSnapshotStore`, () => {
    test.for(snapshotStoreSuite)('$name', ({ run }) =>
      run(async () => {
        const { first, ...rest } = await reopening(() => PostgresSnapshotStore.create(settings))
        return { store: first, ...rest }
      }),
    )
  })

  describe.concurrent(`${where}, PostgresLeaseStore`, () => {
    const cases = leaseStoreSuite.filter(({ name }) => listens || !name.startsWith(LISTENING))
    test.for(cases)('$name', ({ run }) =>
      run(async () => {
        const { first, ...rest } = await reopening(() => PostgresLeaseStore.create({ ...settings, ttlMs: 1_000 }))
        return { leases: first, ...rest }
      }),
    )
  })

  describe(`${where}, PostgresOffsetStore`, () => {
    test.for(offsetStoreSuite)('$name', ({ run }) =>
      run(async () => {
        const { first, ...rest } = await reopening(() => PostgresOffsetStore.create(settings))
        return { store: first, ...rest }
      }),
    )
  })

  describe(`${where}, PostgresCounterStore`, () => {
    test.for(instanceAwareCounterSuite)('$name', ({ run }) => run(() => postgresCounters(settings)()))
  })

  describe.each(KINDS)(`${where}, a projection %s`, (kind) => {
    test.for(projectionScenarios({ count: 3, seed: process.env['CHAOS_SEED'] }))('$name', ({ run }) =>
      run(() => create(kind)()),
    )
  })
}
