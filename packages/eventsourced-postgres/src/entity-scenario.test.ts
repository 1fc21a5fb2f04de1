import { type EntitySubject, entityScenario, forgetScenarios } from 'eventsourced/testing'
import { assertScenarios, seedOfRun } from 'eventsourced-tools/properties'
import { testPostgres } from 'eventsourced-tools/vitest'
import { beforeAll, describe, test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const seed = seedOfRun()
let create: () => Promise<EntitySubject>

beforeAll(async () => {
  create = await entitySubjects(await testPostgres())
})

test(`entities on PostgreSQL: what is acknowledged is stored once, whatever goes wrong (seed ${seed})`, async () => {
  await assertScenarios((rows) => entityScenario(rows).run(create), { seed, count: 25, maxSteps: 50 })
})

describe('on PostgreSQL', () => {
  test.for(forgetScenarios)('$name', ({ run }) => run(create))
})
