import { appendCases } from './evt-log/appends.js'
import { deletionCases } from './evt-log/deletions.js'
import { endedLiveReadCases, endedReadCases } from './evt-log/ended-reads.js'
import { fenceCases } from './evt-log/fences.js'
import type { EvtLogSubject } from './evt-log/fixture.js'
import { idCases } from './evt-log/ids.js'
import { liveReadCases } from './evt-log/live-reads.js'
import { parallelWriterCases } from './evt-log/parallel-writers.js'
import { readByIdCases } from './evt-log/reads-by-id.js'
import { readByTypeCases } from './evt-log/reads-by-type.js'
import { refusalCases } from './evt-log/refusals.js'
import { reopeningCases } from './evt-log/reopening.js'
import { resendCases } from './evt-log/resends.js'
import type { SuiteCase } from './suite-case.js'

/**
 * What every `EvtLog` must keep to, as cases that any test runner can run. Each case creates what it needs, uses type names and ids
 * of its own, and closes it: cases may share a database or a stream, and may run at once.
 *
 * @example
 * for (const { name, run } of evtLogSuite) test(name, () => run(create))
 */
export const evtLogSuite: readonly SuiteCase<EvtLogSubject>[] = [
  ...appendCases,
  ...fenceCases,
  ...resendCases,
  ...refusalCases,
  ...readByIdCases,
  ...readByTypeCases,
  ...idCases,
  ...liveReadCases,
  ...endedReadCases,
  ...endedLiveReadCases,
  ...deletionCases,
  ...parallelWriterCases,
  ...reopeningCases,
]
