import { projectionScenarios } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { beforeAll, describe, test } from 'vitest'
import { type DeliveryKind, projectionSubjects } from './projection-subject.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED } = process.env
const KINDS: readonly DeliveryKind[] = ['exactly once', 'exactly once, grouped', 'at least once']
const scenarios = projectionScenarios({ count: Number(CHAOS_ROUNDS), seed: CHAOS_SEED, steps: 80 })
let create: Awaited<ReturnType<typeof projectionSubjects>>

beforeAll(async () => {
  create = await projectionSubjects(await testPostgres())
})

describe.each(KINDS)('on PostgreSQL, %s', (kind) => {
  test.for(scenarios)('$name', ({ run }) => run(create(kind)))
})
