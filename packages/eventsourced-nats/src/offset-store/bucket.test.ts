import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, type NatsConnection } from 'nats'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closing, failureOf } from '../evt-log.test.fixture.js'
import { checkBucketConfig } from '../config/bucket-config.js'
import type { StreamSettings } from '../config/find-or-create.js'
import { NatsOffsetStore } from '../index.js'
import { bucketSettings } from '../kv/open-bucket.js'
import {
  claimed,
  expectPosition,
  moveTo,
  newConfig,
  newProjection,
  openStore,
  parkedEvt,
  parkedPositions,
} from './offset-store.test.fixture.js'

async function manager(): Promise<Awaited<ReturnType<NatsConnection['jetstreamManager']>>> {
  return (await closing(connect({ servers: testNats() }))).jetstreamManager()
}

test('a missing bucket is named', async () => {
  const failure = await failureOf(NatsOffsetStore.create({ ...newConfig(), setup: false }))
  expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'bucket' })
})

test.for<[field: string, over: object]>([
  ['storage', { storage: 'memory' }],
  ['max_age', { max_age: 60_000_000_000 }],
  ['discard', { discard: 'old' }],
  ['max_msgs', { max_msgs: 1_000 }],
  ['retention', { retention: 'interest' }],
  ['max_msgs_per_subject', { max_msgs_per_subject: 5 }],
  ['allow_msg_ttl', { allow_msg_ttl: false }],
  ['subject_delete_marker_ttl', { subject_delete_marker_ttl: 60_000_000_000 }],
  ['allow_atomic', { allow_atomic: false }],
  ['deny_purge', { deny_purge: true, allow_rollup_hdrs: false }],
  ['persist_mode', { persist_mode: 'async', allow_atomic: false }],
  ['subjects', { subjects: ['somewhere.else'] }],
])('a bucket with another %s is refused, and the setting named', async ([field, over]) => {
  const config = newConfig()
  const { streams } = await manager()
  const settings: StreamSettings = {
    ...bucketSettings(checkBucketConfig(config), { description: 'ours', expires: true }),
    ...over,
  }
  await streams.add(settings)
  for (const setup of [true, false]) {
    const failure = await failureOf(NatsOffsetStore.create({ ...config, setup }))
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: `bucket.${field}` })
  }
})

test('a server without a cluster refuses replicas, and says why', async () => {
  const failure = await failureOf(NatsOffsetStore.create({ ...newConfig(), replicas: 3 }))
  expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'replicas' })
})

test('a bucket is created once by several that come at once', async () => {
  const config = newConfig()
  const stores = await Promise.all([1, 2, 3].map(() => openStore(config)))
  const key = newProjection()
  for (const [slice, store] of stores.entries()) await claimed(store, key, slice)
  expect(await stores[0]?.slices(key)).toHaveLength(3)
})

describe('what is too large is refused by name, and nothing of its move is made:', () => {
  const TOO_LARGE = { code: 'REFUSED', reason: 'too-large' }

  test('a parked event past the server’s max_payload, alone or among others', async () => {
    const server = await startNatsServer({ maxPayload: 65_536 })
    onTestFinished(() => server.stop())
    const store = await openStore(newConfig(server.url))
    const key = newProjection()
    const record = await claimed(store, key)
    const large = parkedEvt(6, Buffer.alloc(65_500))
    for (const park of [[large], [parkedEvt(5), large], [large, parkedEvt(7)]]) {
      const failure = await failureOf(store.commit(key, [moveTo(record, 7, { park })]))
      expect(failure).toMatchObject(TOO_LARGE)
      expect(String(failure)).toContain(`event 6 of counter ${large.evt.key.id}`)
      expect(String(failure)).toContain('max_payload')
    }
    expect(await store.slices(key)).toEqual([record])
    const { moved } = await store.commit(key, [moveTo(record, 7, { park: [parkedEvt(6, Buffer.alloc(65_000))] })])
    expect(moved.size).toBe(1)
    expect(await parkedPositions(store, key)).toEqual([6])
  })

  test('more parked events than the server takes as one', async () => {
    const store = await openStore(newConfig())
    const key = newProjection()
    const record = await claimed(store, key)
    const park = Array.from({ length: 1_000 }, (_, index) => parkedEvt(index + 1))
    const failure = await failureOf(store.commit(key, [moveTo(record, 1_000, { park })]))
    expect(failure).toMatchObject(TOO_LARGE)
    expect(String(failure)).toContain('maxEvts')
    expect(await store.slices(key)).toEqual([record])
    await store.commit(key, [moveTo(record, 1_000, { park: park.slice(1) })])
    expect(await parkedPositions(store, key)).toHaveLength(999)
  })
})

// Some answers can't be had from a server at will: somebody else gives them, in the place of the bucket.
describe('answered with', () => {
  async function answering(code: number) {
    const { servers, bucket } = newConfig()
    const store = await openStore({ servers, bucket, setup: true, timeout: 300 })
    const key = newProjection()
    const record = await claimed(store, key)
    const connection = await closing(connect({ servers }))
    await (await connection.jetstreamManager()).streams.delete(`KV_${bucket}`)
    connection.subscribe(`$KV.${bucket}.>`, {
      callback: (_, msg) => {
        msg.respond(JSON.stringify({ error: { code: 400, err_code: code, description: 'as asked for' } }))
      },
    })
    await connection.flush()
    return { store, key, record }
  }

  test.for([10_071, 10_164])('%i, a conflict, a move is fenced off and an entry not written', async (code) => {
    const { store, key, record } = await answering(code)
    expect(await store.commit(key, [moveTo(record, 5)])).toEqual({ moved: new Map(), fenced: [0] })
    expect(await store.putEntry(key.name, { value: '{}', revision: 5 })).toBe(false)
  })

  test.for([10_008, 10_009, 10_176, 10_210, 99_999])('%i, neither move nor entry is known', async (code) => {
    const { store, key, record } = await answering(code)
    const unavailable = { code: 'UNAVAILABLE' }
    expect(await failureOf(store.commit(key, [moveTo(record, 5)]))).toMatchObject(unavailable)
    expect(await failureOf(store.putEntry(key.name, { value: '{}', revision: 5 }))).toMatchObject(unavailable)
  })
})

test('a record that is not one of ours is refused, and one that somebody has deleted begins anew', async () => {
  const config = newConfig()
  const store = await openStore(config)
  const key = newProjection()
  const record = await claimed(store, key)
  await store.commit(key, [moveTo(record, 5)])
  const connection = await closing(connect({ servers: config.servers }))
  const kv = await connection.jetstream().views.kv(config.bucket, { bindOnly: true })
  for (const value of ['nonsense', '{"format":2,"epoch":1}', '{"format":1,"epoch":1}']) {
    await kv.put(`slices.${key.name}.1.0`, value)
    expect(await failureOf(store.claim(key, 0, 2))).toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
    expect(await failureOf(store.slices(key))).toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
  }
  await kv.delete(`slices.${key.name}.1.0`)
  expect(await store.slices(key)).toEqual([])
  await store.commit(key, [moveTo(await claimed(store, key), 2)])
  await expectPosition(store, key, 2)
})

test('what a removal that was cut off has left is not parked in the life that follows', async () => {
  const config = newConfig()
  const store = await openStore(config)
  const key = newProjection()
  await store.commit(key, [moveTo(await claimed(store, key), 5, { park: [parkedEvt(5)] })])
  const { streams } = await manager()
  await streams.purge(`KV_${config.bucket}`, { filter: `$KV.${config.bucket}.slices.${key.name}.1.*` })
  expect(await store.claim(key, 0, 1)).toMatchObject({ kind: 'claimed', parkedIds: [] })
  expect(await parkedPositions(store, key)).toEqual([])
})
