import type { LeaseStoreSubject } from './lease-store/fixture.js'
import { membershipCases } from './lease-store/membership.js'
import { ownershipCases } from './lease-store/ownership.js'
import type { SuiteCase } from './suite-case.js'

/**
 * What every `LeaseStore` must keep to, as cases that any test runner can run. Each case creates what it needs, uses groups of its own, and
 * closes it: cases may share a database or a bucket, and may run at once.
 *
 * @example
 * for (const { name, run } of leaseStoreSuite) test(name, () => run(create))
 */
export const leaseStoreSuite: readonly SuiteCase<LeaseStoreSubject>[] = [...membershipCases, ...ownershipCases]
