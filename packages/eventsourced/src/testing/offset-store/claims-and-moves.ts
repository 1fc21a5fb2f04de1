import assert from 'node:assert/strict'
import { assertRecords, claimed, moved, moveOf, newOffset, newProjection, offsetStoreCase } from './fixture.js'

const BEGINNING = { position: 0, appendId: '', id: '', seqNo: 0 }

export const claimAndMoveCases = [
  offsetStoreCase('a projection that nobody has claimed has no records', async ({ store }) => {
    const key = newProjection()
    assert.deepEqual(await store.slices(key), [])
    assert.deepEqual(await store.slices(key, [0, 63]), [])
  }),

  offsetStoreCase('the first claim of a slice begins at the beginning', async ({ store }) => {
    const key = newProjection()
    const claim = await store.claim(key, 63, 4)
    assert.ok(claim.kind === 'claimed')
    const { revision } = claim.record
    assert.ok(Number.isSafeInteger(revision) && revision > 0, `the revision is ${revision}`)
    const record = { slice: 63, epoch: 4, revision, offset: BEGINNING, failure: undefined, done: undefined }
    assert.deepEqual({ ...claim.record, offset: { ...claim.record.offset } }, record)
    assert.deepEqual([...claim.parkedIds], [])
    await assertRecords(store, key, [record])
  }),

  offsetStoreCase('what a move says comes back as it was given, also in other processes', async (subject) => {
    const { store } = subject
    const key = newProjection()
    const failure = {
      code: 'EVT_TOO_NEW',
      message: 'größer\nals "gedacht"',
      at: new Date(1_700_000_000_123),
      attempts: 7,
      stopped: true,
    }
    let record = await claimed(store, key)
    record = await moved(store, key, record, { offset: newOffset(Number.MAX_SAFE_INTEGER), failure, done: 'request 1' })
    for (const one of [store, await subject.reopen()]) await assertRecords(one, key, [record])
    record = await moved(store, key, record, { failure: undefined })
    await assertRecords(store, key, [record])
    const { record: again } = await claimAgain(store, key)
    assert.deepEqual(again, { ...record, epoch: 2, revision: again.revision })
  }),

  offsetStoreCase('slices come in order, all or those asked for', async ({ store }) => {
    const key = newProjection()
    for (const slice of [9, 63, 0, 10]) await claimed(store, key, slice)
    assert.deepEqual(
      (await store.slices(key)).map(({ slice }) => slice),
      [0, 9, 10, 63],
    )
    assert.deepEqual(
      (await store.slices(key, [63, 9, 5])).map(({ slice }) => slice),
      [9, 63],
    )
    assert.deepEqual(await store.slices(key, []), [])
  }),

  offsetStoreCase('a later claim fences off the earlier one, whatever it does', async (subject) => {
    const { store } = subject
    const another = await subject.reopen()
    const key = newProjection()
    const early = await moved(store, key, await claimed(store, key, 0, 1), { offset: newOffset(10) })
    const late = await claimed(another, key, 0, 2)
    assert.deepEqual(late.offset, early.offset)
    const committed = await store.commit(key, [moveOf(early, { offset: newOffset(20) })])
    assert.deepEqual([[...committed.moved], [...committed.fenced]], [[], [0]])
    assert.deepEqual({ ...(await store.claim(key, 0, 1)) }, { kind: 'fenced' })
    await assertRecords(store, key, [late])
    await moved(another, key, late, { offset: newOffset(20) })
  }),

  offsetStoreCase('a claim under the same epoch fences off what is still on its way', async ({ store }) => {
    const key = newProjection()
    const first = await claimed(store, key)
    const again = await claimed(store, key)
    assert.notEqual(first.revision, again.revision)
    assert.deepEqual([...(await store.commit(key, [moveOf(first, { offset: newOffset(5) })])).fenced], [0])
    const record = await moved(store, key, again, { offset: newOffset(6) })
    await assertRecords(store, key, [record])
  }),

  offsetStoreCase('a move sent again changes nothing, also when others came between', async ({ store }) => {
    const key = newProjection()
    const start = await claimed(store, key)
    const move = moveOf(start, { offset: newOffset(10) })
    await store.commit(key, [move])
    const [stored] = await store.slices(key)
    assert.ok(stored)
    assert.deepEqual([...(await store.commit(key, [move])).fenced], [0])
    await assertRecords(store, key, [stored])
    const back = await moved(store, key, stored, { offset: BEGINNING })
    assert.deepEqual([...(await store.commit(key, [move])).fenced], [0])
    await assertRecords(store, key, [back])
  }),

  offsetStoreCase('an offset may move back', async ({ store }) => {
    const key = newProjection()
    const forth = await moved(store, key, await claimed(store, key), { offset: newOffset(50) })
    const back = await moved(store, key, forth, { offset: { position: 7, appendId: '', id: '', seqNo: 0 } })
    await assertRecords(store, key, [back])
  }),

  offsetStoreCase('each of many slices moves whole or is fenced off, for itself', async ({ store }) => {
    const key = newProjection()
    const records = []
    for (let slice = 0; slice < 64; slice++) records.push(await claimed(store, key, slice))
    for (const slice of [5, 6]) await claimed(store, key, slice, 2)
    const offset = newOffset(99)
    const committed = await store.commit(
      key,
      records.map((record) => moveOf(record, { offset })),
    )
    // A store may move all or nothing at once; what it answers is what it did.
    assert.deepEqual(
      [...committed.fenced].sort((left, right) => left - right),
      [5, 6],
    )
    for (const record of await store.slices(key)) {
      const revision = committed.moved.get(record.slice)
      assert.equal(record.offset.position, revision === undefined ? 0 : 99)
      if (revision !== undefined) assert.equal(record.revision, revision)
    }
    assert.ok(committed.moved.size > 0, 'slices that nobody has taken over move')
  }),

  offsetStoreCase('of moves at once from the same revision one is stored', async (subject) => {
    const { store } = subject
    const another = await subject.reopen()
    const key = newProjection()
    const record = await claimed(store, key)
    const moves = Array.from({ length: 8 }, (_, index) => moveOf(record, { offset: newOffset(index + 1) }))
    const all = await Promise.all(moves.map((move, index) => (index % 2 === 0 ? store : another).commit(key, [move])))
    const winners = moves.filter((_, index) => all[index]?.moved.has(0))
    assert.equal(winners.length, 1)
    assert.deepEqual((await store.slices(key))[0]?.offset, winners[0]?.offset)
  }),

  offsetStoreCase('of claims at once the latest epoch has it in the end', async (subject) => {
    const { store } = subject
    const another = await subject.reopen()
    const key = newProjection()
    const epochs = [3, 1, 5, 2, 4, 6, 6]
    await Promise.all(epochs.map((epoch, index) => (index % 2 === 0 ? store : another).claim(key, 0, epoch)))
    const [record] = await store.slices(key)
    assert.equal(record?.epoch, 6)
    assert.equal((await store.claim(key, 0, 5)).kind, 'fenced')
  }),

  offsetStoreCase('moves of slices that were never claimed are fenced off', async ({ store }) => {
    const key = newProjection()
    const record = { slice: 1, epoch: 1, revision: 1, offset: newOffset(3), failure: undefined, done: undefined }
    assert.deepEqual([...(await store.commit(key, [moveOf(record)])).fenced], [1])
    assert.deepEqual(await store.slices(key), [])
  }),

  offsetStoreCase('no moves are none', async ({ store }) => {
    const committed = await store.commit(newProjection(), [])
    assert.deepEqual([committed.moved.size, committed.fenced.length], [0, 0])
  }),
]

async function claimAgain(
  store: Parameters<typeof claimed>[0],
  key: Parameters<typeof claimed>[1],
): Promise<{ readonly record: Awaited<ReturnType<typeof claimed>> }> {
  const record = await claimed(store, key, 0, 2)
  return { record: { ...record, offset: { ...record.offset } } }
}
