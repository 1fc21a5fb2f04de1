import { entityScenario, forgetScenarios } from 'eventsourced/testing'
import { assertScenarios, seedOfRun } from 'eventsourced-tools/properties'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { describe, test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const seed = seedOfRun()
const create = entitySubjects(testNats(), `scenarios-${nuid.next()}`)

test(`entities on JetStream: what is acknowledged is stored once, whatever goes wrong (seed ${seed})`, async () => {
  await assertScenarios((rows) => entityScenario(rows).run(create), { seed, count: 25, maxSteps: 50 })
})

describe('on JetStream', () => {
  test.for(forgetScenarios)('$name', ({ run }) => run(create))
})
