import assert from 'node:assert/strict'
import { changeRegistry } from '../../projection/registry.js'
import { assertFails, assertRefused, newTypeName } from '../fixture.js'
import {
  assertRecords,
  claimed,
  idOf,
  listParked,
  moved,
  moveOf,
  newOffset,
  newProjection,
  offsetStoreCase,
  parkedEvt,
} from './fixture.js'

export const keepingCases = [
  offsetStoreCase('names and versions are apart', async ({ store }) => {
    const one = newProjection()
    const keys = [
      one,
      { ...one, version: 2 },
      { ...one, version: 12 },
      { ...one, name: `${one.name}-2` },
      newProjection(),
    ]
    const id = idOf(0)
    const records = []
    for (const [index, key] of keys.entries()) {
      const record = await claimed(store, key)
      records.push(await moved(store, key, record, { offset: newOffset(index + 1), park: [parkedEvt(index + 1, id)] }))
    }
    for (const [index, key] of keys.entries()) {
      await assertRecords(store, key, records.slice(index, index + 1))
      assert.deepEqual(
        (await listParked(store, key)).map(({ evt }) => evt.position),
        [index + 1],
      )
    }
  }),

  offsetStoreCase('what is removed is gone, fences off who still has it, and leaves the others', async ({ store }) => {
    const key = newProjection()
    const other = { ...key, version: 2 }
    const record = await moved(store, key, await claimed(store, key), { park: [parkedEvt(1, idOf(0))] })
    const kept = await moved(store, other, await claimed(store, other), { park: [parkedEvt(1, idOf(0))] })
    await store.remove(key)
    await store.remove(key)
    assert.deepEqual(await store.slices(key), [])
    assert.deepEqual(await listParked(store, key), [])
    assert.deepEqual([...(await store.commit(key, [moveOf(record, { offset: newOffset(3) })])).fenced], [0])
    assert.deepEqual(await store.slices(key), [])
    await assertRecords(store, other, [kept])
    assert.equal((await listParked(store, other)).length, 1)
    assert.equal((await claimed(store, key)).offset.position, 0)
    assert.deepEqual([...(await store.commit(key, [moveOf(record, { offset: newOffset(3) })])).fenced], [0])
  }),

  offsetStoreCase('retention hears of the slowest of all registered projections of a type', async ({ store }) => {
    const typeName = newTypeName()
    const [fast, slow] = [newProjection(1), newProjection(3)]
    assert.equal(await store.position(typeName, 4), 0)
    for (const [key, position] of [
      [fast, 90],
      [slow, 30],
    ] as const) {
      const version = { version: key.version, typeName, order: 'run', requests: [] } as const
      await changeRegistry(store, key.name, () => ({ serving: key.version, versions: [version] }))
      assert.equal(await store.position(typeName, 4), 0)
      await moved(store, key, await claimed(store, key, 4), { offset: newOffset(position) })
    }
    assert.equal(await store.position(typeName, 4), 30)
    assert.equal(await store.position(typeName, 5), 0)
    assert.equal(await store.position(newTypeName(), 4), 0)
  }),

  offsetStoreCase('what outlives a store is all there for the next one', async (subject) => {
    const { store } = subject
    const key = newProjection()
    const record = await moved(store, key, await claimed(store, key), { park: [parkedEvt(1, idOf(0))], done: 'r' })
    await store.close()
    const next = await subject.reopen()
    await assertRecords(next, key, [record])
    assert.equal((await listParked(next, key)).length, 1)
  }),

  offsetStoreCase('once closed, it refuses everything', async ({ store }) => {
    const key = newProjection()
    const record = await claimed(store, key)
    await store.close()
    await store.close()
    await assertRefused('closed', () => store.claim(key, 0, 2))
    await assertRefused('closed', () => store.commit(key, [moveOf(record)]))
    await assertRefused('closed', () => store.slices(key))
    await assertRefused('closed', () => listParked(store, key))
    await assertRefused('closed', () => store.remove(key))
    await assertRefused('closed', () => store.names())
    await assertRefused('closed', () => store.entry(key.name))
    await assertRefused('closed', () => store.putEntry(key.name, { value: '', revision: 0 }))
    await assertRefused('closed', () => store.position('counter', 0))
  }),

  offsetStoreCase('names that could be mistaken for others are refused', async ({ store }) => {
    for (const name of ['', 'with.dot', 'with space', 'star*', 'gr>ter', 'größe', 'x'.repeat(65)]) {
      await assertFails('INVALID_INPUT', () => store.claim({ name, version: 1 }, 0, 1))
      await assertFails('INVALID_INPUT', () => store.slices({ name, version: 1 }))
    }
    const { name } = newProjection()
    for (const version of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      await assertFails('INVALID_INPUT', () => store.claim({ name, version }, 0, 1))
    }
  }),
]
