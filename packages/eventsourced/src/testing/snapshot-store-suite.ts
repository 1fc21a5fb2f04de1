import type { SnapshotStoreSubject } from './snapshot-store/fixture.js'
import { keepingCases } from './snapshot-store/keeping.js'
import { saveAndLoadCases } from './snapshot-store/saves-and-loads.js'
import type { SuiteCase } from './suite-case.js'

/**
 * What every `SnapshotStore` that keeps anything must keep to, as cases that any test runner can run. Each case creates what it needs,
 * uses type names and ids of its own, and closes it: cases may share a database or a bucket, and may run at once.
 *
 * @example
 * for (const { name, run } of snapshotStoreSuite) test(name, () => run(create))
 */
export const snapshotStoreSuite: readonly SuiteCase<SnapshotStoreSubject>[] = [...saveAndLoadCases, ...keepingCases]
