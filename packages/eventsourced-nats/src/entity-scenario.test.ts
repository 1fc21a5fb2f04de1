import { entityScenarios } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { describe, test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

/** Run again what failed: `FC_SEED=… npx vitest run`. */
describe('Entities on JetStream', () => {
  const create = entitySubjects(testNats(), `scenarios-${nuid.next()}`)
  test.for(entityScenarios({ seed: process.env['FC_SEED'] }))('$name', ({ run }) => run(create))
})
