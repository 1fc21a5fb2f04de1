import assert from 'node:assert/strict'
import { hasCode } from '../../errors.js'
import type { Snapshot } from '../../snapshot/snapshot-store.js'
import { assertFails, assertRefused, newKey } from '../fixture.js'
import { assertKept, newSnapshot, saveAll, snapshotStoreCase } from './fixture.js'

export const keepingCases = [
  snapshotStoreCase(
    'the newest are kept, as many as asked for, and the oldest of them is answered',
    async ({ store }) => {
      for (const keep of [1, 2, 3, 5]) {
        const key = newKey()
        const saved: Snapshot[] = []
        for (const seqNo of [3, 6, 9, 12]) {
          const snapshot = newSnapshot(seqNo)
          saved.push(snapshot)
          const kept = saved.slice(-keep)
          assert.deepEqual({ ...(await store.save(key, snapshot, { keep })) }, { oldestSeqNo: kept[0]?.seqNo })
          await assertKept(store, key, kept)
        }
      }
    },
  ),

  snapshotStoreCase('an older snapshot does nothing, also where there is room to keep it', async ({ store }) => {
    const key = newKey()
    const saved = await saveAll(store, key, [10, 20], 3)
    for (const seqNo of [5, 15, 1]) {
      assert.deepEqual({ ...(await store.save(key, newSnapshot(seqNo), { keep: 3 })) }, { oldestSeqNo: 10 })
      await assertKept(store, key, saved)
    }
  }),

  snapshotStoreCase('who keeps fewer from now on keeps the newest', async ({ store }) => {
    const key = newKey()
    const saved = await saveAll(store, key, [1, 2, 3, 4], 4)
    const newest = newSnapshot(5)
    assert.deepEqual({ ...(await store.save(key, newest, { keep: 2 })) }, { oldestSeqNo: 4 })
    await assertKept(store, key, [...saved.slice(-1), newest])
    assert.deepEqual({ ...(await store.save(key, newest, { keep: 1 })) }, { oldestSeqNo: 5 })
    await assertKept(store, key, [newest])
  }),

  snapshotStoreCase(
    'a deletion deletes all, can be repeated, and new ones can be saved, older ones too',
    async ({ store }) => {
      const key = newKey()
      await store.delete(key)
      await saveAll(store, key, [10, 20, 30], 3)
      await store.delete(key)
      await assertKept(store, key, [])
      await store.delete(key)
      const again = newSnapshot(2)
      assert.deepEqual({ ...(await store.save(key, again)) }, { oldestSeqNo: 2 })
      await assertKept(store, key, [again])
    },
  ),

  snapshotStoreCase('of saves that run at once, from two stores, the newest stays', async (subject) => {
    const stores = [subject.store, await subject.reopen()]
    for (let round = 0; round < 5; round++) {
      const key = newKey()
      const snapshots = Array.from({ length: 12 }, (_, index) => newSnapshot(((index * 7) % 12) + 1))
      const answers = await Promise.all(
        snapshots.map((snapshot, index) => (stores[index % 2] ?? subject.store).save(key, snapshot)),
      )
      for (const [index, { oldestSeqNo }] of answers.entries()) {
        assert.ok(oldestSeqNo >= (snapshots[index]?.seqNo ?? 0), 'what is kept is the one saved or a newer one')
      }
      const newest = snapshots.find(({ seqNo }) => seqNo === 12)
      assert.ok(newest)
      for (const store of stores) await assertKept(store, key, [newest])
    }
  }),

  snapshotStoreCase('saves for many entities that run at once do not get in each other’s way', async ({ store }) => {
    const keys = Array.from({ length: 50 }, () => newKey())
    const saved = await Promise.all(keys.map((key, index) => saveAll(store, key, [index + 1, index + 2], 2)))
    for (const [index, key] of keys.entries()) await assertKept(store, key, saved[index] ?? [])
  }),

  snapshotStoreCase('a bad snapshot is refused as bad input, and what is kept stays', async ({ store }) => {
    const key = newKey()
    const saved = await saveAll(store, key, [5])
    const good = newSnapshot(9)
    const bad = [
      { ...good, seqNo: 0 },
      { ...good, seqNo: -1 },
      { ...good, seqNo: 1.5 },
      { ...good, seqNo: Number.NaN },
      { ...good, seqNo: Number.MAX_SAFE_INTEGER + 1 },
      { ...good, appendId: '' },
      { ...good, appendId: 'an id' },
      { ...good, version: -1 },
      { ...good, version: 1.5 },
      { ...good, version: 2 ** 31 },
    ]
    for (const snapshot of bad) await assertRefused('bad-input', () => store.save(key, snapshot))
    for (const keep of [0, -1, 1.5, Number.NaN]) {
      await assertRefused('bad-input', () => store.save(key, good, { keep }))
    }
    for (const over of [{ id: 'no-uuid' }, { id: '0193A0B4-7E5F-7C3B-8A1D-2E4F6A8B0C1D' }, { typeName: 'with.dot' }]) {
      await assertRefused('bad-input', () => store.save({ ...key, ...over }, good))
      await assertFails('INVALID_INPUT', () => store.load({ ...key, ...over }))
      await assertFails('INVALID_INPUT', () => store.delete({ ...key, ...over }))
    }
    await assertKept(store, key, saved)
  }),

  snapshotStoreCase('what one store saves another loads, also after closing and reopening', async (subject) => {
    const key = newKey()
    const another = await subject.reopen()
    const saved = await saveAll(subject.store, key, [1, 2], 2)
    await assertKept(another, key, saved)
    await subject.store.close()
    saved.push(...(await saveAll(another, key, [3], 3)))
    await another.close()
    await assertKept(await subject.reopen(), key, saved)
  }),

  snapshotStoreCase('a closed store refuses everything, and can be closed again', async ({ store }) => {
    const key = newKey()
    await saveAll(store, key, [1])
    await Promise.all([store.close(), store.close()])
    await store.close()
    await assertRefused('closed', () => store.save(key, newSnapshot(2)))
    await assertRefused('closed', () => store.load(key))
    await assertRefused('closed', () => store.delete(key))
  }),

  snapshotStoreCase(
    'what was accepted before close() is finished: saved, or refused and not saved',
    async (subject) => {
      const saves = Array.from({ length: 20 }, () => ({ key: newKey(), snapshot: newSnapshot(3) }))
      const saving = saves.map(({ key, snapshot }) => subject.store.save(key, snapshot))
      const closing = subject.store.close()
      const answers = await Promise.allSettled(saving)
      await closing
      const reopened = await subject.reopen()
      for (const [index, { key, snapshot }] of saves.entries()) {
        const answer = answers[index]
        const isSaved = answer?.status === 'fulfilled'
        if (!isSaved) assert.ok(hasCode(answer?.reason, 'REFUSED'), `refused, not ${String(answer?.reason)}`)
        await assertKept(reopened, key, isSaved ? [snapshot] : [])
      }
    },
  ),
]
