import { type EntitySubject, entityScenarios } from 'eventsourced/testing'
import { testPostgres } from 'eventsourced-tools/vitest'
import { beforeAll, describe, test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

let create: () => Promise<EntitySubject>

beforeAll(async () => {
  create = await entitySubjects(await testPostgres())
})

/** Run again what failed: `FC_SEED=… npx vitest run`. */
describe('Entities on PostgreSQL', () => {
  test.for(entityScenarios({ seed: process.env['FC_SEED'] }))('$name', ({ run }) => run(create))
})
