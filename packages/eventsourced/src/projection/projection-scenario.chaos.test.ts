import { test } from 'vitest'
import { projectionScenarios } from '../testing/projection-scenarios.js'
import { deliverAtLeastOnce, deliverExactlyOnce, memoryProjectionSubject } from './memory-subject.test.fixture.js'

const { CHAOS_ROUNDS = '10', CHAOS_SEED } = process.env
const scenarios = projectionScenarios({ count: Number(CHAOS_ROUNDS) * 2, seed: CHAOS_SEED, steps: 80 })

test.for(scenarios)('at least once, $name', ({ run }) => run(memoryProjectionSubject(false, deliverAtLeastOnce)))

test.for(scenarios)('exactly once, $name', ({ run }) => run(memoryProjectionSubject(true, deliverExactlyOnce)))
