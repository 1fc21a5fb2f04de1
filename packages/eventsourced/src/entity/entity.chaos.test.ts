import { test } from 'vitest'
import { entityScenarios } from '../testing/entity-scenarios.js'
import { memorySubject } from '../testing/memory-subject.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const count = Number(CHAOS_ROUNDS) * 100

test(`entities on the memory log come through ${count} scenarios from seed ${CHAOS_SEED} on`, async () => {
  for (const { run } of entityScenarios({ count, seed: CHAOS_SEED, steps: 80 })) await run(memorySubject)
})
