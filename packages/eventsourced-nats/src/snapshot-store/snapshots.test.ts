import { type Command, Entity, type EventSourced, jsonBinarizer, persist, type Snapshot } from 'eventsourced'
import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { answerOnce, closing, failureOf, newAppend, newKey, newStream, openLog } from '../evt-log.test.fixture.js'
import type { StreamSettings } from '../config/find-or-create.js'
import { NatsSnapshotStore, type NatsSnapshotStoreConfig } from '../index.js'

async function openStore(config: NatsSnapshotStoreConfig): Promise<NatsSnapshotStore> {
  const store = await NatsSnapshotStore.create(config)
  onTestFinished(() => store.close())
  return store
}

function newSnapshot(seqNo: number, bytes: Uint8Array = Buffer.from(`state ${seqNo}`)): Snapshot {
  return { seqNo, bytes, version: 1, appendId: newAppend(newKey()).appendId }
}

test('a state past the server’s max_payload is refused as too large, and the one before stays', async () => {
  const server = await startNatsServer({ maxPayload: 65_536 })
  onTestFinished(() => server.stop())
  const store = await openStore({ servers: server.url, bucket: newStream(), setup: true })
  const key = newKey()
  await store.save(key, newSnapshot(1))
  for (const size of [65_536, 65_400]) {
    const failure = await failureOf(store.save(key, newSnapshot(2, Buffer.alloc(size))))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'too-large' })
    expect(String(failure)).toContain('max_payload')
  }
  expect(await store.load(key)).toMatchObject({ seqNo: 1 })
  await store.save(key, newSnapshot(3, Buffer.alloc(65_000)))
  expect(await store.load(key)).toMatchObject({ seqNo: 3 })
})

test('a state past the bucket’s own bound is refused as too large, also where the one before is kept', async () => {
  const bucket = newStream()
  await (await NatsSnapshotStore.create({ servers: testNats(), bucket, setup: true })).close()
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const { config } = await streams.info(`KV_${bucket}`)
  await streams.update(`KV_${bucket}`, { ...config, max_msg_size: 2_000 })
  const store = await openStore({ servers: testNats(), bucket })
  const key = newKey()
  await store.save(key, newSnapshot(1))
  const failure = await failureOf(store.save(key, newSnapshot(2, Buffer.alloc(2_000)), { keep: 2 }))
  expect(failure).toMatchObject({ code: 'REFUSED', reason: 'too-large' })
  expect(await store.load(key)).toMatchObject({ seqNo: 1 })
})

test.for(['delete', 'purge'] as const)(
  'what another client marks by %s is gone, and can be saved anew',
  async (how) => {
    const bucket = newStream()
    const store = await openStore({ servers: testNats(), bucket, setup: true })
    const key = newKey()
    await store.save(key, newSnapshot(5))
    const connection = await closing(connect({ servers: testNats() }))
    const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true })
    await kv[how](`counter.${key.id}`)
    expect(await store.load(key)).toBeUndefined()
    expect(await store.save(key, newSnapshot(2))).toEqual({ oldestSeqNo: 2 })
    expect(await store.load(key)).toMatchObject({ seqNo: 2 })
  },
)

test('what is not a snapshot of ours is passed over, and replaced', async () => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  const connection = await closing(connect({ servers: testNats() }))
  const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true })
  for (const value of ['', 'nonsense', '{"format":2,"seqNo":9}\nx', '{"format":1}\nx']) {
    await kv.put(`counter.${key.id}`, value)
    expect(await store.load(key)).toBeUndefined()
  }
  await store.save(key, newSnapshot(1))
  expect(await store.load(key)).toMatchObject({ seqNo: 1 })
})

test('a deletion leaves nothing in the bucket', async () => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  for (const seqNo of [1, 2, 3]) await store.save(key, newSnapshot(seqNo), { keep: 3 })
  await store.delete(key)
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  expect((await streams.info(`KV_${bucket}`)).state.messages).toBe(0)
})

test('the ids of a type’s entities with a snapshot are listed, each once, and none that is deleted, purged or of another type', async () => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  expect(await store.ids('counter')).toEqual([])
  const [deleted, marked, purged, other, ...keys] = [newKey(), newKey(), newKey(), newKey('count'), newKey(), newKey()]
  for (const key of [deleted, marked, purged, other, ...keys]) {
    for (const seqNo of [1, 2]) await store.save(key, newSnapshot(seqNo), { keep: 2 })
  }
  await store.delete(deleted)
  const connection = await closing(connect({ servers: testNats() }))
  const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true })
  await kv.delete(`counter.${marked.id}`)
  await kv.purge(`counter.${purged.id}`)
  expect((await store.ids('counter')).toSorted()).toEqual(keys.map(({ id }) => id).toSorted())
  expect(await store.ids('count')).toEqual([other.id])
  expect(await failureOf(store.ids('no type'))).toMatchObject({ code: 'INVALID_INPUT' })
})

test('of savers that race the newest wins, and nothing is left that no snapshot names', async () => {
  const bucket = newStream()
  const stores = await Promise.all(
    Array.from({ length: 4 }, () => openStore({ servers: testNats(), bucket, setup: true })),
  )
  const key = newKey()
  for (let round = 0; round < 10; round++) {
    await Promise.all(stores.map((store, index) => store.save(key, newSnapshot(4 * round + index + 1), { keep: 2 })))
  }
  const [store] = stores
  expect(await store?.load(key)).toMatchObject({ seqNo: 40 })
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const { state } = await streams.info(`KV_${bucket}`, { subjects_filter: '>' })
  const [newest, ...older] = Object.keys(state.subjects ?? {}).toSorted()
  expect(newest).toBe(`$KV.${bucket}.counter.${key.id}`)
  const before = await store?.load(key, { maxSeqNo: 39 })
  expect(older).toEqual([`${newest}.${before?.seqNo}`])
})

test('what an earlier save left when it was cut off goes with the next one', async () => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  const connection = await closing(connect({ servers: testNats() }))
  const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true })
  await kv.put(`counter.${key.id}.1`, 'left')
  for (const seqNo of [2, 3, 4]) await store.save(key, newSnapshot(seqNo), { keep: 2 })
  expect(await kv.get(`counter.${key.id}.1`)).toBeNull()
  expect(await store.load(key, { maxSeqNo: 3 })).toMatchObject({ seqNo: 3 })
})

test('a store that goes on from its own last save notices what others did meanwhile', async () => {
  const bucket = newStream()
  const [store, another] = await Promise.all([0, 1].map(() => openStore({ servers: testNats(), bucket, setup: true })))
  const key = newKey()
  await store?.save(key, newSnapshot(1))
  await another?.save(key, newSnapshot(9))
  expect(await store?.save(key, newSnapshot(5))).toEqual({ oldestSeqNo: 9 })
  expect(await store?.load(key)).toMatchObject({ seqNo: 9 })
  await another?.delete(key)
  expect(await store?.save(key, newSnapshot(7))).toEqual({ oldestSeqNo: 7 })
  expect(await another?.load(key)).toMatchObject({ seqNo: 7 })
})

test('a save that replaces the one before does not read it', async () => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  await store.save(key, newSnapshot(1))
  const connection = await closing(connect({ servers: testNats() }))
  const reads: string[] = []
  connection.subscribe(`$JS.API.STREAM.MSG.GET.KV_${bucket}`, { callback: (_, msg) => reads.push(msg.string()) })
  await connection.flush()
  for (const seqNo of [2, 3, 4]) await store.save(key, newSnapshot(seqNo))
  await store.load(key)
  await connection.flush()
  expect(reads).toEqual([JSON.stringify({ last_by_subj: `$KV.${bucket}.counter.${key.id}` })])
})

test.for<[setting: string, over: object]>([
  ['storage', { storage: 'memory' }],
  ['max_age', { ttl: 60_000 }],
  ['max_msgs_per_subject', { history: 5 }],
  ['allow_atomic', {}],
])(
  'a bucket that loses snapshots, or holds several under a key, is refused by its setting: %s',
  async ([setting, over]) => {
    const bucket = newStream()
    const connection = await closing(connect({ servers: testNats() }))
    await connection.jetstream().views.kv(bucket, { history: 1, ...over })
    const failure = await failureOf(NatsSnapshotStore.create({ connection, bucket, setup: true }))
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: `bucket.${setting}` })
  },
)

test('a bucket of another client’s is used once it may store several values as one', async () => {
  const bucket = newStream()
  const connection = await closing(connect({ servers: testNats() }))
  await connection.jetstream().views.kv(bucket, { history: 1 })
  const { streams } = await connection.jetstreamManager()
  const { config } = await streams.info(`KV_${bucket}`)
  const settings: StreamSettings = { ...config, allow_atomic: true }
  await streams.update(`KV_${bucket}`, settings)
  const store = await openStore({ connection, bucket })
  const key = newKey()
  for (const seqNo of [1, 2]) await store.save(key, newSnapshot(seqNo), { keep: 2 })
  expect(await store.load(key, { maxSeqNo: 1 })).toMatchObject({ seqNo: 1 })
})

test.for([10_071, 10_164])('a swap that conflicts with %i is tried again on what is there then', async (code) => {
  const bucket = newStream()
  const store = await openStore({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  await store.save(key, newSnapshot(3))
  const connection = await closing(connect({ servers: testNats() }))
  const isBack = await answerOnce(connection, { stream: `KV_${bucket}`, subjects: `$KV.${bucket}.>`, code })
  expect(await store.save(key, newSnapshot(5))).toEqual({ oldestSeqNo: 5 })
  await isBack()
  expect(await store.load(key)).toMatchObject({ seqNo: 5 })
})

interface Grow extends Command<number> {
  readonly type: 'Grow'
}

interface Grown {
  readonly type: 'Grown'
}

test('an entity whose state does not fit max_payload goes on without a snapshot, and says whose it is', async () => {
  const server = await startNatsServer({ maxPayload: 65_536 })
  onTestFinished(() => server.stop())
  const store = await openStore({ servers: server.url, bucket: newStream(), setup: true })
  const evtLog = await openLog({ servers: server.url, stream: newStream(), setup: true })
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const large: EventSourced<Grow, Grown, string> = {
    typeName: 'large',
    initialState: '',
    handleCmd: () => persist({ type: 'Grown' }, (state) => state.length),
    handleEvt: (state) => `${state}${'x'.repeat(30_000)}`,
    snapshot: () => true,
  }
  const { id } = newKey()
  const parts = { evtLog, snapshotStore: store, binarizer: jsonBinarizer<Grown, string>(), logger }
  const ref = await Entity.spawn(id, large, parts)
  for (const length of [30_000, 60_000, 90_000, 120_000]) {
    expect((await ref.handleCmd({ type: 'Grow' })).reply).toBe(length)
  }
  await expect.poll(() => lines.join('')).toContain(`the state of large ${id} at event`)
  await ref.stop()
  const again = await Entity.spawn(id, large, parts)
  expect((await again.handleCmd({ type: 'Grow' })).reply).toBe(150_000)
  await again.stop()
  expect((await store.load({ typeName: 'large', id }))?.seqNo ?? 0).toBeLessThan(3)
})
