import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closing, failureOf } from '../evt-log.test.fixture.js'
import {
  claimed,
  expectPosition,
  ID,
  moveTo,
  newConfig,
  newProjection,
  newProxy,
  openStore,
  parkedEvt,
  parkedPositions,
} from './offset-store.test.fixture.js'

const UNAVAILABLE = { code: 'UNAVAILABLE' }

/** A store that stands near to the server, and one on the same bucket behind a proxy. */
async function nearAndFar() {
  const config = newConfig()
  const proxy = await newProxy()
  const near = await openStore(config)
  const far = await openStore({ ...config, servers: `127.0.0.1:${proxy.port}`, replyTimeout: 300, timeout: 10_000 })
  const isMove = (bytes: Buffer) => bytes.includes(`$KV.${config.bucket}.slices.`)
  return { ...config, near, far, proxy, isMove, key: newProjection() }
}

describe.each([
  ['alone', false],
  ['with what it parks', true],
] as const)('a move %s', (_, parks) => {
  const parked = parks ? { park: [parkedEvt(5), parkedEvt(6)] } : {}
  const positions = parks ? [5, 6] : []

  test('whose request is lost is not made; the next claim tells', async () => {
    const { near, far, proxy, isMove, key } = await nearAndFar()
    const record = await claimed(far, key)
    proxy.rule((bytes, direction) => (direction === 'request' && isMove(bytes) ? 'cut' : 'pass'))
    expect(await failureOf(far.commit(key, [moveTo(record, 6, parked)]))).toMatchObject(UNAVAILABLE)
    proxy.rule()
    const again = await claimed(far, key)
    expect(again).toEqual({ ...record, revision: again.revision })
    expect(await parkedPositions(near, key)).toEqual([])
    const { moved } = await far.commit(key, [moveTo(again, 6, parked)])
    expect([...moved.keys()]).toEqual([0])
    await expectPosition(near, key, 6)
    expect(await parkedPositions(near, key)).toEqual(positions)
  })

  test('whose answer is lost is made once; the next claim tells', async () => {
    const { near, far, proxy, isMove, key } = await nearAndFar()
    const record = await claimed(far, key)
    let isSent = false
    proxy.rule((bytes, direction) => {
      if (direction === 'request') isSent ||= isMove(bytes)
      return direction === 'answer' && isSent ? 'cut' : 'pass'
    })
    const move = moveTo(record, 6, parked)
    expect(await failureOf(far.commit(key, [move]))).toMatchObject(UNAVAILABLE)
    proxy.rule()
    const claim = await far.claim(key, 0, 1)
    expect(claim).toMatchObject({ kind: 'claimed', record: { offset: move.offset }, parkedIds: parks ? [ID] : [] })
    expect(await parkedPositions(near, key)).toEqual(positions)
    expect(await far.commit(key, [move])).toEqual({ moved: new Map(), fenced: [0] })
  })

  test('that arrives late, as that of a paused process, finds itself fenced off and leaves nothing behind', async () => {
    const { near, far, proxy, isMove, key, bucket } = await nearAndFar()
    const connection = await closing(connect({ servers: testNats() }))
    const { streams } = await connection.jetstreamManager()
    const record = await claimed(far, key)
    let isHeld = false
    proxy.rule((bytes, direction) => {
      if (direction === 'request') isHeld ||= isMove(bytes)
      return direction === 'request' && isHeld ? 'hold' : 'pass'
    })
    const late = failureOf(far.commit(key, [moveTo(record, 6, parked)]))
    expect(await late).toMatchObject(UNAVAILABLE)
    const next = await claimed(near, key, 0, 2)
    await near.commit(key, [moveTo(next, 3)])
    const { last_seq: before } = (await streams.info(`KV_${bucket}`)).state
    proxy.rule()
    // It has arrived once what was sent behind it is answered.
    expect(await far.claim(key, 0, 1)).toEqual({ kind: 'fenced' })
    expect((await streams.info(`KV_${bucket}`)).state.last_seq).toBe(before)
    await expectPosition(near, key, 3)
    expect(await parkedPositions(near, key)).toEqual([])
  })
})

test('a claim whose answer is lost is made again, and has the last word', async () => {
  const { near, far, proxy, isMove, key } = await nearAndFar()
  let isSent = false
  proxy.rule((bytes, direction) => {
    if (direction === 'request') isSent ||= isMove(bytes) && bytes.includes('"epoch"')
    return direction === 'answer' && isSent ? 'cut' : 'pass'
  })
  expect(await failureOf(far.claim(key, 0, 1))).toMatchObject(UNAVAILABLE)
  proxy.rule()
  const record = await claimed(far, key)
  const { moved } = await far.commit(key, [moveTo(record, 2)])
  expect(moved.size).toBe(1)
  await expectPosition(near, key, 2)
})

test('what could not be purged when it was taken out is parked no longer, and is gone with the next claim', async () => {
  const { bucket, near, far, proxy, key } = await nearAndFar()
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const parkedKeys = async () =>
    Object.keys(
      (await streams.info(`KV_${bucket}`, { subjects_filter: `$KV.${bucket}.parked.>` })).state.subjects ?? {},
    )
  const impatient = await openStore({ servers: `127.0.0.1:${proxy.port}`, bucket, replyTimeout: 200, timeout: 400 })
  const record = await claimed(impatient, key)
  const parked = { ...moveTo(record, 6), park: [parkedEvt(5), parkedEvt(6)] }
  const revision = (await impatient.commit(key, [parked])).moved.get(0) ?? 0
  proxy.rule((bytes, direction) => (direction === 'request' && bytes.includes('STREAM.PURGE') ? 'cut' : 'pass'))
  const { moved } = await impatient.commit(key, [moveTo({ ...record, revision }, 7, { unpark: [5] })])
  expect(moved.size).toBe(1)
  proxy.rule()
  expect(await parkedKeys()).toHaveLength(2)
  for (const store of [near, far]) expect(await parkedPositions(store, key)).toEqual([6])
  const again = await claimed(far, key, 0, 2)
  expect(await parkedKeys()).toHaveLength(1)
  await far.commit(key, [moveTo(again, 7, { park: [parkedEvt(5)] })])
  expect(await parkedPositions(near, key)).toEqual([5, 6])
})

test('when the server is killed and comes back everything is there, and goes on', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const store = await openStore({ ...newConfig(server.url), replyTimeout: 500, timeout: 20_000 })
  const key = newProjection()
  const record = await claimed(store, key)
  const first = moveTo(record, 6, { park: [parkedEvt(6)], done: 'r' })
  const revision = (await store.commit(key, [first])).moved.get(0) ?? 0
  expect(await store.putEntry(key.name, { value: '{"versions":[]}', revision: 0 })).toBe(true)
  for (let round = 0; round < 2; round++) {
    await server.kill()
    await server.start()
    expect(await store.slices(key)).toEqual([{ ...record, revision, offset: first.offset, done: 'r' }])
    expect(await parkedPositions(store, key)).toEqual([6])
    expect(await store.entry(key.name)).toMatchObject({ value: '{"versions":[]}' })
  }
  expect(await store.commit(key, [moveTo(record, 9)])).toMatchObject({ fenced: [0] })
  const { moved } = await store.commit(key, [moveTo({ ...record, revision }, 9, { unpark: [6] })])
  expect(moved.get(0)).toBeGreaterThan(revision)
  expect(await parkedPositions(store, key)).toEqual([])
})
