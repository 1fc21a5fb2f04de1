import { assertScenarios, seedOfRun } from 'eventsourced-tools/properties'
import { test } from 'vitest'
import { entityScenario } from '../testing/entity-scenarios.js'
import { forgetScenarios } from '../testing/forget-scenarios.js'
import { memorySubject } from '../testing/memory-subject.test.fixture.js'

const seed = seedOfRun()

test.for(forgetScenarios)('on the memory log $name', ({ run }) => run(memorySubject))

test(`entities on the memory log: what is acknowledged is stored once, whatever goes wrong (seed ${seed})`, async () => {
  await assertScenarios((rows) => entityScenario(rows).run(memorySubject), { seed, count: 300, maxSteps: 60 })
})
