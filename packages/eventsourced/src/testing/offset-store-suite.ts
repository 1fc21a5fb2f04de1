import { claimAndMoveCases } from './offset-store/claims-and-moves.js'
import { entryCases } from './offset-store/entries.js'
import type { OffsetStoreSubject } from './offset-store/fixture.js'
import { keepingCases } from './offset-store/keeping.js'
import { parkingCases } from './offset-store/parking.js'
import type { SuiteCase } from './suite-case.js'

/**
 * What every `OffsetStore` must keep to, as cases that any test runner can run. Each case creates what it needs, uses projections of its
 * own, and closes it: cases may share a database or a bucket, and may run at once.
 *
 * @example
 * for (const { name, run } of offsetStoreSuite) test(name, () => run(create))
 */
export const offsetStoreSuite: readonly SuiteCase<OffsetStoreSubject>[] = [
  ...claimAndMoveCases,
  ...parkingCases,
  ...entryCases,
  ...keepingCases,
]
