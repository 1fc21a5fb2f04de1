import { randomInt } from 'node:crypto'
import { array, assert, asyncProperty, nat, noBias } from 'fast-check'
import { test } from 'vitest'
import { Choices, listedNumbers } from '../entity-scenario/choices.js'
import { memoryCounters } from './memory-counters.test.fixture.js'
import { counterStep, runCounterScenario } from './scenario.js'

/** Run again what failed: `FC_SEED=… npx vitest run counters.property`. */
const seed = Number(process.env['FC_SEED'] ?? randomInt(2 ** 31))

/** Rows of numbers, so that it shrinks to few and simple steps. */
const scenarios = array(array(noBias(nat(9_999)), { minLength: 7, maxLength: 7 }), { maxLength: 60, size: 'max' })

test(`whatever is done to counters, each answer is what a plain model says (seed ${seed})`, async () => {
  const property = asyncProperty(scenarios, async (rows) => {
    const steps = rows.map((row) => counterStep(new Choices(listedNumbers(row))))
    // Answers that are lost cost a pause each, and are the scenarios' of the suite.
    await runCounterScenario(
      await memoryCounters()(),
      steps.map((step) => ({ ...step, isLost: false })),
    )
  })
  await assert(property, { seed, numRuns: 1_000, interruptAfterTimeLimit: 10_000 })
})
