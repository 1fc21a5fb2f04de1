import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startNatsServer, startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, nuid } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, failureOf } from '../evt-log.test.fixture.js'
import { NatsLeaseStore, type NatsLeaseStoreConfig } from '../index.js'

const UNAVAILABLE = { code: 'UNAVAILABLE' }
const GROUP = 'totals-v1'

function newConfig(servers = testNats()): { servers: string; bucket: string; setup: boolean; ttlMs: number } {
  return { servers, bucket: `leases-${nuid.next()}`, setup: true, ttlMs: 1_000 }
}

async function openStore(config: NatsLeaseStoreConfig): Promise<NatsLeaseStore> {
  const store = await NatsLeaseStore.create(config)
  onTestFinished(() => store.close())
  return store
}

/** A store near to the server, and one behind a proxy with a member that holds slice 7. */
async function nearAndFar(ttlMs = 1_000) {
  const config = { ...newConfig(), ttlMs }
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const near = await openStore(config)
  const far = await openStore({ ...config, servers: `127.0.0.1:${proxy.port}` })
  const member = randomUUID()
  const { leases } = await far.join(GROUP, member)
  await far.take(GROUP, member, leases.slice(7, 8))
  const isBeat = (bytes: Buffer) => bytes.includes(`PUB $KV.${config.bucket}.members.`)
  /** Holds the next heartbeat, and all requests behind it. */
  const holdFromBeatOn = () => {
    let isHeld = false
    proxy.rule((bytes, direction) => {
      if (direction === 'request') isHeld ||= isBeat(bytes)
      return direction === 'request' && isHeld ? 'hold' : 'pass'
    })
  }
  return { ...config, near, far, proxy, member, isBeat, holdFromBeatOn }
}

/** Waits until the group has other members than those. */
async function untilGone(store: NatsLeaseStore, member: string): Promise<void> {
  await expect.poll(async () => (await store.view(GROUP)).members, { timeout: 20_000 }).not.toContain(member)
}

test('a heartbeat of a paused process that arrives when its time is over brings nobody back, though its slices are not yet taken', async () => {
  const { near, far, proxy, member, holdFromBeatOn } = await nearAndFar()
  holdFromBeatOn()
  expect(await failureOf(far.renew(GROUP, member))).toMatchObject(UNAVAILABLE)
  await untilGone(near, member)
  proxy.rule()
  expect(await far.renew(GROUP, member)).toEqual({ kind: 'expired' })
  const { leases, members } = await near.view(GROUP)
  expect(members).toEqual([])
  expect(leases[7]).toEqual({ slice: 7, epoch: 1, owner: undefined })
})

test('a slice is another’s for good once its owner’s time was over, whatever the owner sends then', async () => {
  const { near, far, proxy, member, holdFromBeatOn } = await nearAndFar()
  holdFromBeatOn()
  expect(await failureOf(far.renew(GROUP, member))).toMatchObject(UNAVAILABLE)
  await untilGone(near, member)
  const next = randomUUID()
  const { leases } = await near.join(GROUP, next)
  expect(await near.take(GROUP, next, leases.slice(7, 8))).toEqual([{ slice: 7, epoch: 2, owner: next }])
  proxy.rule()
  expect(await far.renew(GROUP, member)).toEqual({ kind: 'expired' })
  await far.release(GROUP, member, [7])
  await far.leave(GROUP, member)
  const renewed = await near.renew(GROUP, next)
  expect(renewed).toMatchObject({ kind: 'live', view: { members: [next] } })
  expect((await near.view(GROUP)).leases[7]).toEqual({ slice: 7, epoch: 2, owner: next })
})

test('a heartbeat whose answer is lost may be made again', async () => {
  const { near, far, proxy, member, isBeat } = await nearAndFar(5_000)
  let isSent = false
  proxy.rule((bytes, direction) => {
    if (direction === 'request') isSent ||= isBeat(bytes)
    return direction === 'answer' && isSent ? 'cut' : 'pass'
  })
  expect(await failureOf(far.renew(GROUP, member))).toMatchObject(UNAVAILABLE)
  proxy.rule()
  // The connection comes back on its own, within the member's time.
  const renew = () => far.renew(GROUP, member).catch(() => undefined)
  await expect.poll(renew, { timeout: 5_000 }).toMatchObject({ kind: 'live' })
  expect((await near.view(GROUP)).leases[7]).toEqual({ slice: 7, epoch: 1, owner: member })
})

test('epochs outlive a restart of the server, and members whose time it took do not', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const config = newConfig(server.url)
  const store = await openStore(config)
  const member = randomUUID()
  await store.take(GROUP, member, (await store.join(GROUP, member)).leases)
  await server.kill()
  await sleep(config.ttlMs)
  await server.start()
  const renew = () => store.renew(GROUP, member).catch(() => undefined)
  await expect.poll(renew, { timeout: 10_000 }).toEqual({ kind: 'expired' })
  const { leases } = await store.view(GROUP)
  expect(leases.every(({ epoch, owner }) => epoch === 1 && owner === undefined)).toBe(true)
})

test('whoever lives through a short restart of the server keeps what is his', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const store = await openStore({ ...newConfig(server.url), ttlMs: 20_000 })
  const member = randomUUID()
  await store.take(GROUP, member, (await store.join(GROUP, member)).leases)
  await server.kill()
  await server.start()
  const renew = () => store.renew(GROUP, member).catch(() => undefined)
  await expect.poll(renew, { timeout: 10_000 }).toMatchObject({ kind: 'live', view: { members: [member] } })
  expect((await store.view(GROUP)).leases.every(({ owner }) => owner === member)).toBe(true)
})

test('leases that somebody has deleted are refused: epochs must not begin anew', async () => {
  const config = newConfig()
  const store = await openStore(config)
  const member = randomUUID()
  await store.take(GROUP, member, (await store.join(GROUP, member)).leases)
  const connection = await closing(connect({ servers: config.servers }))
  const kv = await connection.jetstream().views.kv(config.bucket, { bindOnly: true })
  await kv.delete(`leases.${GROUP}`)
  expect(await failureOf(store.view(GROUP))).toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
})

test('groups and members may have any names', async () => {
  const store = await openStore(newConfig())
  const names = ['a b', 'ä.*', '>', '=41', 'A', '__proto__']
  for (const name of names) {
    await store.join(name, name)
    expect((await store.renew(name, name)).kind).toBe('live')
  }
  for (const name of names) expect((await store.view(name)).members).toEqual([name])
  expect(await failureOf(store.join(GROUP, ''))).toMatchObject({ code: 'INVALID_INPUT', field: 'member' })
})

test.for([999, 1_500, 0, Number.NaN])('leases of %s ms are refused: the server counts whole seconds', async (ttlMs) => {
  const failure = await failureOf(NatsLeaseStore.create({ ...newConfig(), ttlMs }))
  expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'ttlMs' })
})
