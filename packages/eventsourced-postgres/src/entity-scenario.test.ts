import { entityScenario } from 'eventsourced/testing'
import { assertScenarios, seedOfRun } from 'eventsourced-tools/properties'
import { testPostgres } from 'eventsourced-tools/vitest'
import { test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const seed = seedOfRun()

test(`entities on PostgreSQL: what is acknowledged is stored once, whatever goes wrong (seed ${seed})`, async () => {
  const create = await entitySubjects(await testPostgres())
  await assertScenarios((rows) => entityScenario(rows).run(create), { seed, count: 25, maxSteps: 50 })
})
