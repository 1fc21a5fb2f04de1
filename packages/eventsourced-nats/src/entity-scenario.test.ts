import { entityScenario } from 'eventsourced/testing'
import { assertScenarios, seedOfRun } from 'eventsourced-tools/properties'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { test } from 'vitest'
import { entitySubjects } from './entity-subject.test.fixture.js'

const seed = seedOfRun()

test(`entities on JetStream: what is acknowledged is stored once, whatever goes wrong (seed ${seed})`, async () => {
  const create = entitySubjects(testNats(), `scenarios-${nuid.next()}`)
  await assertScenarios((rows) => entityScenario(rows).run(create), { seed, count: 25, maxSteps: 50 })
})
