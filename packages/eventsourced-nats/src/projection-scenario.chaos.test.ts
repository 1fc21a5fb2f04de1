import { projectionScenarios } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { test } from 'vitest'
import { natsProjectionSubject } from './projection-subject.test.fixture.js'

const { CHAOS_ROUNDS = '10', CHAOS_SEED } = process.env
const scenarios = projectionScenarios({ count: Number(CHAOS_ROUNDS), seed: CHAOS_SEED, steps: 80 })

test.for(scenarios)('on JetStream, $name', { timeout: 130_000 }, ({ run }) => run(natsProjectionSubject(testNats())))
