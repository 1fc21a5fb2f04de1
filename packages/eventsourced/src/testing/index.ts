export type { EvtLogSubject } from './evt-log/fixture.js'
export { evtLogSuite } from './evt-log-suite.js'
export type { SuiteCase } from './suite-case.js'
