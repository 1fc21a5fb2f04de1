import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { SLICE_COUNT } from '../../log/slice.js'
import { joined, leaseStoreCase, newGroup, newMember, viewUntil, whileRenewing } from './fixture.js'

export const membershipCases = [
  leaseStoreCase('an unknown group has no members, and all slices are free', async ({ leases }) => {
    const view = await leases.view(newGroup())
    assert.deepEqual(view.members, [])
    assert.deepEqual(
      view.leases.map((lease) => ({ ...lease })),
      Array.from({ length: SLICE_COUNT }, (_, slice) => ({ slice, epoch: 0, owner: undefined })),
    )
  }),

  leaseStoreCase('who joins is seen by all, here and in other processes', async (subject) => {
    const { leases } = subject
    const { group, members } = await joined(leases, 2)
    const another = await subject.reopen()
    const third = newMember()
    const view = await another.join(group, third)
    assert.deepEqual([...view.members].sort(), [...members, third].sort())
    assert.deepEqual([...(await leases.view(group)).members].sort(), [...members, third].sort())
  }),

  leaseStoreCase('a member lives on for as long as its heart beats', async ({ leases }) => {
    const { group, members } = await joined(leases, 1)
    await whileRenewing(leases, group, members, () => sleep(leases.ttlMs * 2.2))
    assert.deepEqual((await leases.view(group)).members, members)
  }),

  leaseStoreCase('a member without heartbeats expires soon after its time, and never before', async ({ leases }) => {
    const { group, members } = await joined(leases, 1)
    const beforeRenewal = performance.now()
    assert.equal((await leases.renew(group, String(members[0]))).kind, 'live')
    await viewUntil(leases, group, (view) => view.members.length === 0)
    const lived = performance.now() - beforeRenewal
    assert.ok(lived >= leases.ttlMs, `it was gone after ${lived} ms`)
    assert.ok(lived < leases.ttlMs * 2 + 10_000, `it was still there after ${lived} ms`)
  }),

  leaseStoreCase('a member that has expired never lives again', async ({ leases }) => {
    const { group, members } = await joined(leases, 1)
    await viewUntil(leases, group, (view) => view.members.length === 0)
    for (let time = 0; time < 3; time++) {
      assert.deepEqual({ ...(await leases.renew(group, String(members[0]))) }, { kind: 'expired' })
    }
    assert.deepEqual((await leases.view(group)).members, [])
  }),

  leaseStoreCase('who was never there, or has left, has expired', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [leaving = '', staying] = members
    assert.equal((await leases.renew(group, newMember())).kind, 'expired')
    await leases.leave(group, leaving)
    await leases.leave(group, leaving)
    await leases.leave(group, newMember())
    assert.equal((await leases.renew(group, leaving)).kind, 'expired')
    assert.deepEqual((await leases.view(group)).members, [staying])
  }),

  leaseStoreCase('groups know nothing of each other', async ({ leases }) => {
    const left = await joined(leases, 1)
    const right = await joined(leases, 2)
    await leases.take(left.group, String(left.members[0]), (await leases.view(left.group)).leases)
    assert.deepEqual((await leases.view(left.group)).members, left.members)
    const view = await leases.view(right.group)
    assert.deepEqual([...view.members].sort(), [...right.members].sort())
    assert.ok(view.leases.every(({ owner, epoch }) => owner === undefined && epoch === 0))
    assert.equal((await leases.renew(right.group, String(left.members[0]))).kind, 'expired')
  }),
]
