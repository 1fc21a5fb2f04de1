import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { newKey } from '../fixture.js'
import { assertKept, assertSnapshot, newSnapshot, saveAll, snapshotStoreCase } from './fixture.js'

const KIB = 1_024

export const saveAndLoadCases = [
  snapshotStoreCase('an entity without snapshots has none to load', async ({ store }) => {
    const key = newKey()
    assert.equal(await store.load(key), undefined)
    assert.equal(await store.load(key, { maxSeqNo: 10 }), undefined)
  }),

  snapshotStoreCase('a snapshot comes back as it was given', async ({ store }) => {
    for (const version of [0, 1, 2 ** 31 - 1]) {
      const key = newKey()
      const snapshot = newSnapshot(7, { version })
      assert.deepEqual({ ...(await store.save(key, snapshot)) }, { oldestSeqNo: 7 })
      await assertKept(store, key, [snapshot])
    }
  }),

  snapshotStoreCase('a newer snapshot takes the place of the one before', async ({ store }) => {
    const key = newKey()
    const saved = await saveAll(store, key, [1, 2, 3, 50, 1_000_000])
    await assertKept(store, key, saved.slice(-1))
  }),

  snapshotStoreCase(
    'an older snapshot never replaces a newer one, and is answered with what is kept',
    async ({ store }) => {
      const key = newKey()
      const [newer] = await saveAll(store, key, [10])
      assert.ok(newer)
      for (const seqNo of [9, 1, 5]) {
        assert.deepEqual({ ...(await store.save(key, newSnapshot(seqNo))) }, { oldestSeqNo: 10 })
        await assertKept(store, key, [newer])
      }
    },
  ),

  snapshotStoreCase('a snapshot at the seqNo of the newest leaves one of that seqNo', async ({ store }) => {
    const key = newKey()
    const [first, again] = [newSnapshot(4), newSnapshot(4)]
    await store.save(key, first)
    assert.deepEqual({ ...(await store.save(key, again)) }, { oldestSeqNo: 4 })
    const loaded = await store.load(key)
    assertSnapshot(loaded, loaded?.appendId === first.appendId ? first : again)
    assert.equal(await store.load(key, { maxSeqNo: 3 }), undefined)
    await assertKept(store, key, await saveAll(store, key, [5]))
  }),

  snapshotStoreCase('payloads from 0 bytes to 512 KiB come back byte for byte', async ({ store }) => {
    const key = newKey()
    const sizes = [0, 1, 255, 256, 4 * KIB, 64 * KIB - 1, 64 * KIB, 512 * KIB, 0]
    for (const [index, size] of sizes.entries()) {
      const snapshot = newSnapshot(index + 1, { bytes: randomBytes(size) })
      await store.save(key, snapshot)
      assertSnapshot(await store.load(key), snapshot)
    }
  }),

  snapshotStoreCase('each byte value survives, also in a part of a larger buffer', async ({ store }) => {
    const key = newKey()
    const all = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
    const snapshot = newSnapshot(1, { bytes: all.subarray(128, 384) })
    await store.save(key, snapshot)
    assertSnapshot(await store.load(key), snapshot)
  }),

  snapshotStoreCase(
    'what the caller changes after a save, or in what it loaded, changes nothing kept',
    async ({ store }) => {
      const key = newKey()
      const bytes = Buffer.from('as it was')
      const snapshot = newSnapshot(1, { bytes })
      await store.save(key, snapshot)
      bytes.fill(0)
      const loaded = await store.load(key)
      loaded?.bytes.fill(0)
      assertSnapshot(await store.load(key), { ...snapshot, bytes: Buffer.from('as it was') })
    },
  ),

  snapshotStoreCase('two types with one id, and two ids of one type, are apart', async ({ store }) => {
    const left = newKey()
    const keys = [left, { ...newKey(), id: left.id }, newKey(left.typeName), newKey(`${left.typeName}-a`)]
    const saved = []
    for (const [index, key] of keys.entries()) saved.push(await saveAll(store, key, [index + 1]))
    for (const [index, key] of keys.entries()) await assertKept(store, key, saved[index] ?? [])
    await store.delete(left)
    await assertKept(store, left, [])
    for (const [index, key] of keys.slice(1).entries()) await assertKept(store, key, saved[index + 1] ?? [])
  }),
]
