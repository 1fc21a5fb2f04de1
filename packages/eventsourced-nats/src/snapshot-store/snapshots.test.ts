import { type Snapshot } from 'eventsourced'
import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, failureOf, newAppend, newKey, newStream } from '../evt-log.test.fixture.js'
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
