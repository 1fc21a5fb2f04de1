import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GroupView, Lease, LeaseStore } from '../../lease/lease-store.js'
import { type SuiteCase, suiteCase } from '../suite-case.js'

/** What a case of {@link leaseStoreSuite} runs on. */
export interface LeaseStoreSubject {
  /** With a `ttlMs` from 500 to 2,000, so that the cases can wait for it. */
  readonly leases: LeaseStore
  /** Opens another one, as another process would, over the same data. */
  reopen(): Promise<LeaseStore>
  /** Closes all that was opened. */
  close(): Promise<void>
}

export function leaseStoreCase(
  name: string,
  body: (subject: LeaseStoreSubject) => Promise<void>,
): SuiteCase<LeaseStoreSubject> {
  return suiteCase(name, body)
}

export function newGroup(): string {
  return `group-${randomUUID()}`
}

export function newMember(): string {
  return randomUUID()
}

/** A group in which members have joined. */
export async function joined(
  leases: LeaseStore,
  count: number,
): Promise<{ readonly group: string; readonly members: readonly string[] }> {
  const group = newGroup()
  const members = Array.from({ length: count }, newMember)
  for (const member of members) await leases.join(group, member)
  return { group, members }
}

/** The leases of some slices as a view has them. */
export function of(view: GroupView, ...slices: readonly number[]): readonly Lease[] {
  return view.leases.filter(({ slice }) => slices.includes(slice))
}

/** Looks at the group until it is as wished for, and answers the view. */
export async function viewUntil(
  leases: LeaseStore,
  group: string,
  isSo: (view: GroupView) => boolean,
): Promise<GroupView> {
  for (;;) {
    const view = await leases.view(group)
    if (isSo(view)) return view
    await sleep(leases.ttlMs / 20)
  }
}

/** Lets some members live on while others expire. */
export async function whileRenewing<Result>(
  leases: LeaseStore,
  group: string,
  members: readonly string[],
  work: () => Promise<Result>,
): Promise<Result> {
  const over = new AbortController()
  const beating = (async () => {
    while (!over.signal.aborted) {
      for (const member of members) assert.equal((await leases.renew(group, member)).kind, 'live')
      await sleep(leases.ttlMs / 5)
    }
  })()
  try {
    return await Promise.race([work(), beating.then(() => assert.fail('the heartbeats have ended'))])
  } finally {
    over.abort()
    await beating
  }
}
