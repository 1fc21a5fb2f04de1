import { entityScenario } from 'eventsourced/testing'
import { assertScenarios } from 'eventsourced-tools/properties'
import { testPostgres } from 'eventsourced-tools/vitest'
import { test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const rounds = Number(CHAOS_ROUNDS)
const count = rounds * 10

test(`entities on PostgreSQL come through ${count} scenarios of seed ${CHAOS_SEED}`, async () => {
  const create = await entitySubjects(await testPostgres())
  const options = { seed: Number(CHAOS_SEED), count, maxSteps: 80, timeLimitMs: 50_000 + rounds * 30_000 }
  await assertScenarios((rows) => entityScenario(rows).run(create), options)
})
