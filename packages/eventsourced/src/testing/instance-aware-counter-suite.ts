import { concurrencyCases } from './counters/concurrency.js'
import type { InstanceAwareCounterSubject } from './counters/fixture.js'
import { laxCases } from './counters/lax.js'
import { livenessCases } from './counters/liveness.js'
import { repetitionCases } from './counters/repetitions.js'
import { sliceCases } from './counters/slices.js'
import type { SuiteCase } from './suite-case.js'

/**
 * What every `CounterStore` must keep to, and the strict and the lax counters on it, as cases that any test runner can run. Each case creates
 * what it needs, uses a namespace of its own, and closes it: cases may share a database or a bucket, and may run at once.
 *
 * @example
 * for (const { name, run } of instanceAwareCounterSuite) test(name, () => run(create))
 */
export const instanceAwareCounterSuite: readonly SuiteCase<InstanceAwareCounterSubject>[] = [
  ...sliceCases,
  ...livenessCases,
  ...concurrencyCases,
  ...repetitionCases,
  ...laxCases,
]
