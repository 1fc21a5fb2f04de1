import { randomInt } from 'node:crypto'
import { array, assert, asyncProperty, nat, noBias } from 'fast-check'
import { test } from 'vitest'
import { runScenario } from '../testing/entity-scenario/run-scenario.js'
import { scenarioOf } from '../testing/entity-scenario/scenario.js'
import { memorySubject } from '../testing/memory-subject.test.fixture.js'

/** Run again what failed: `FC_SEED=… npx vitest run entity.property`. */
const seed = Number(process.env['FC_SEED'] ?? randomInt(2 ** 31))

/** Rows of numbers, so that it shrinks to few and simple steps. */
const scenarios = array(array(noBias(nat(9_999)), { minLength: 12, maxLength: 12 }), {
  maxLength: 60,
  size: 'max',
}).map((rows) => scenarioOf(rows))

test(`whatever goes wrong, the log holds each acknowledged command once and all callers heard what it says (seed ${seed})`, async () => {
  const property = asyncProperty(scenarios, async (scenario) => {
    await runScenario(await memorySubject(), scenario)
  })
  await assert(property, { seed, numRuns: 300, interruptAfterTimeLimit: 25_000 })
})
