import { projectionScenarios } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { describe, test } from 'vitest'
import { natsProjectionSubject } from './projection-subject.test.fixture.js'

/** Run again what failed: `FC_SEED=… npx vitest run`. */
const scenarios = projectionScenarios({ count: 4, seed: process.env['FC_SEED'] })

describe('projections on JetStream, at random:', () => {
  test.concurrent.for(scenarios)('$name', { timeout: 130_000 }, ({ run }) => run(natsProjectionSubject(testNats())))
})
