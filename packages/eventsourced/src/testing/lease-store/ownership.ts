import assert from 'node:assert/strict'
import { SLICE_COUNT } from '../../log/slice.js'
import { until } from '../fixture.js'
import { joined, leaseStoreCase, newMember, of, viewUntil, whileRenewing } from './fixture.js'

export const ownershipCases = [
  leaseStoreCase('free slices are taken, each under a new epoch, and all see it', async (subject) => {
    const { leases } = subject
    const { group, members } = await joined(leases, 1)
    const [member = ''] = members
    const seen = await leases.view(group)
    const taken = await leases.take(group, member, of(seen, 3, 63))
    const expected = [3, 63].map((slice) => ({ slice, epoch: 1, owner: member }))
    assert.deepEqual(bySlice(taken), expected)
    for (const store of [leases, await subject.reopen()]) {
      assert.deepEqual(bySlice(of(await store.view(group), 3, 63)), expected)
      assert.equal((await store.view(group)).leases.filter(({ owner }) => owner !== undefined).length, 2)
    }
    const renewed = await leases.renew(group, member)
    assert.ok(renewed.kind === 'live')
    assert.deepEqual(bySlice(of(renewed.view, 3, 63)), expected)
  }),

  leaseStoreCase('a slice is not taken from a member that lives, whatever the epoch', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [holder = '', other = ''] = members
    const before = await leases.view(group)
    await leases.take(group, holder, of(before, 7))
    assert.deepEqual(await leases.take(group, other, of(before, 7)), [])
    assert.deepEqual(await leases.take(group, other, of(await leases.view(group), 7)), [])
    assert.equal(of(await leases.view(group), 7)[0]?.owner, holder)
  }),

  leaseStoreCase('of many that take the same slices at once, each slice has one owner', async (subject) => {
    const { leases } = subject
    const another = await subject.reopen()
    const { group, members } = await joined(leases, 4)
    const seen = await leases.view(group)
    const taken = await Promise.all(
      members.map((member, index) => (index % 2 === 0 ? leases : another).take(group, member, seen.leases)),
    )
    assert.equal(taken.flat().length, SLICE_COUNT)
    assert.deepEqual(bySlice(taken.flat()), bySlice((await leases.view(group)).leases))
    assert.ok(taken.flat().every(({ epoch }) => epoch === 1))
  }),

  leaseStoreCase('what is released is free at once, under the next epoch', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [first = '', second = ''] = members
    await leases.take(group, first, of(await leases.view(group), 1, 2))
    await leases.release(group, first, [1])
    const view = await leases.view(group)
    assert.deepEqual(bySlice(of(view, 1, 2)), [
      { slice: 1, epoch: 1, owner: undefined },
      { slice: 2, epoch: 1, owner: first },
    ])
    const expected = [{ slice: 1, epoch: 2, owner: second }]
    assert.deepEqual(bySlice(await leases.take(group, second, of(view, 1, 2))), expected)
  }),

  leaseStoreCase('nobody releases what is not his', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [holder = '', other = ''] = members
    await leases.take(group, holder, of(await leases.view(group), 5))
    await leases.release(group, other, [5, 6])
    await leases.release(group, newMember(), [5])
    assert.equal(of(await leases.view(group), 5)[0]?.owner, holder)
  }),

  leaseStoreCase('who leaves frees all that it holds at once', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [leaving = '', staying = ''] = members
    await leases.take(group, leaving, (await leases.view(group)).leases)
    await leases.leave(group, leaving)
    const view = await leases.view(group)
    assert.ok(view.leases.every(({ owner, epoch }) => owner === undefined && epoch === 1))
    const taken = await leases.take(group, staying, view.leases)
    assert.equal(taken.length, SLICE_COUNT)
    assert.ok(taken.every(({ epoch }) => epoch === 2))
  }),

  leaseStoreCase('slices of a member that expired are free, and stay so for whoever takes them', async ({ leases }) => {
    const { group, members } = await joined(leases, 2)
    const [crashing = '', living = ''] = members
    await leases.take(group, crashing, of(await leases.view(group), 8, 9))
    await whileRenewing(leases, group, [living], async () => {
      const view = await viewUntil(leases, group, (now) => of(now, 8)[0]?.owner === undefined)
      assert.deepEqual(view.members, [living])
      const taken = await leases.take(group, living, of(view, 8, 9))
      assert.deepEqual(bySlice(taken), [
        { slice: 8, epoch: 2, owner: living },
        { slice: 9, epoch: 2, owner: living },
      ])
      // What the one that is taken for dead does when it comes back changes nothing.
      await leases.release(group, crashing, [8, 9])
      await leases.leave(group, crashing)
      assert.deepEqual(bySlice(of(await leases.view(group), 8, 9)), bySlice(taken))
    })
  }),

  leaseStoreCase('who does not live takes nothing', async ({ leases }) => {
    const { group, members } = await joined(leases, 1)
    const seen = await leases.view(group)
    assert.deepEqual(await leases.take(group, newMember(), seen.leases), [])
    await viewUntil(leases, group, (view) => view.members.length === 0)
    assert.deepEqual(await leases.take(group, String(members[0]), seen.leases), [])
    assert.ok((await leases.view(group)).leases.every(({ owner }) => owner === undefined))
  }),

  leaseStoreCase('where changes can be watched, each is told', async (subject) => {
    const { leases } = subject
    if (leases.watch === undefined) return
    const another = await subject.reopen()
    const { group, members } = await joined(leases, 1)
    const [member = ''] = members
    const changes: (() => Promise<unknown>)[] = [
      async () => another.take(group, member, of(await leases.view(group), 1)),
      () => another.release(group, member, [1]),
      () => another.leave(group, member),
    ]
    let told = false
    const watching = leases.watch(group, () => {
      told = true
    })
    for (const change of changes) {
      told = false
      await change()
      await until('the change is told', () => told)
    }
    watching.stop()
  }),
]

function bySlice<Some extends { readonly slice: number }>(leases: readonly Some[]): Some[] {
  return leases.map((lease) => ({ ...lease })).sort((left, right) => left.slice - right.slice)
}
