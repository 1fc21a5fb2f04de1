import { entityScenarios } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const count = Number(CHAOS_ROUNDS) * 10

test(`entities on PostgreSQL come through ${count} scenarios from seed ${CHAOS_SEED} on`, async () => {
  const create = await entitySubjects(await testPostgres())
  for (const { run } of entityScenarios({ count, seed: CHAOS_SEED, steps: 80 })) await run(create)
})
