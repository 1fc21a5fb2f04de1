import { expect, test } from 'vitest'
import { appendIds } from '../log/append-id.js'
import { entityKey } from '../log/entity-key.js'
import { NoopSnapshotStore } from './noop-snapshot-store.js'

const key = entityKey('counter', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d')
const snapshot = { seqNo: 7, appendId: appendIds()(), version: 1, bytes: Uint8Array.of(1) }

test('nothing is kept, and so no event may be deleted', async () => {
  const store = new NoopSnapshotStore()
  expect(await store.save(key, snapshot)).toEqual({ oldestSeqNo: 0 })
  expect(await store.save(key, snapshot, { keep: 3 })).toEqual({ oldestSeqNo: 0 })
  expect(await store.load(key)).toBeUndefined()
  await expect(store.delete(key)).resolves.toBeUndefined()
})

test('what no store would take is refused here too', async () => {
  const store = new NoopSnapshotStore()
  await expect(store.save(key, { ...snapshot, seqNo: 0 })).rejects.toMatchObject({ reason: 'bad-input' })
  await expect(store.save(key, snapshot, { keep: 0 })).rejects.toMatchObject({ reason: 'bad-input' })
  await expect(store.load({ ...key, id: 'no-uuid' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  await expect(store.delete({ ...key, typeName: '' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('closed, it refuses as every store does', async () => {
  const store = new NoopSnapshotStore()
  await store.close()
  await store.close()
  await expect(store.save(key, snapshot)).rejects.toMatchObject({ reason: 'closed' })
  await expect(store.load(key)).rejects.toMatchObject({ reason: 'closed' })
  await expect(store.delete(key)).rejects.toMatchObject({ reason: 'closed' })
})
