import { assertScenarios } from 'eventsourced-tools/properties'
import { test } from 'vitest'
import { entityScenario } from '../testing/entity-scenarios.js'
import { memorySubject } from '../testing/memory-subject.test.fixture.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const rounds = Number(CHAOS_ROUNDS)
const count = rounds * 100

test(`entities on the memory log come through ${count} scenarios of seed ${CHAOS_SEED}`, async () => {
  const options = { seed: Number(CHAOS_SEED), count, maxSteps: 80, timeLimitMs: 50_000 + rounds * 30_000 }
  await assertScenarios((rows) => entityScenario(rows).run(memorySubject), options)
})
