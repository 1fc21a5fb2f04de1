import { projectionScenarios } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { beforeAll, describe, test } from 'vitest'
import { type DeliveryKind, projectionSubjects } from './projection-subject.test.fixture.js'

const KINDS: readonly DeliveryKind[] = ['exactly once', 'exactly once, grouped', 'at least once']
const seed = process.env['FC_SEED']
let create: Awaited<ReturnType<typeof projectionSubjects>>

beforeAll(async () => {
  create = await projectionSubjects(await testPostgres())
})

describe.concurrent.each(KINDS)('on PostgreSQL, %s', (kind) => {
  test.for(projectionScenarios({ count: 2, seed }))('$name', ({ run }) => run(create(kind)))
})
