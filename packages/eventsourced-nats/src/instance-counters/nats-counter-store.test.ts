import { setTimeout as sleep } from 'node:timers/promises'
import { laxCounter, strictCounter } from 'eventsourced/counters'
import { freePort, startChild, startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, nuid } from 'nats'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closing } from '../evt-log.test.fixture.js'
import { NatsCounterStore, type NatsCounterStoreConfig } from '../index.js'
import type { CountingOptions } from './counting.test.fixture.js'

const PROGRAM = new URL('../../dist/instance-counters/counting.test.fixture.js', import.meta.url)

async function open(config: NatsCounterStoreConfig): Promise<NatsCounterStore> {
  const store = await NatsCounterStore.create(config)
  onTestFinished(() => store.close())
  return store
}

function newConfig(): { servers: string; bucket: string; setup: boolean } {
  return { servers: testNats(), bucket: `counters-${nuid.next()}`, setup: true }
}

/** Waits for a condition, within bounds. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const start = performance.now(); !(await condition()); await sleep(5)) {
    if (performance.now() - start > 20_000) throw new Error(`still not so after 20 s: ${what}`)
  }
}

/** Kills a process that counts, and answers with its slice, once that has dropped out and come back, and with what it was answered last. */
async function killed(isLax: boolean): Promise<{ readonly own: bigint; readonly answered: bigint }> {
  const config = newConfig()
  const store = await open(config)
  const other = await strictCounter(store, { namespace: 'n' })
  await other.inc('k', 1_000_000)
  const options = { namespace: 'n', instanceId: 'child', deadInstanceThreshold: 500 }
  const told: CountingOptions = { config, options, isLax }
  const child = await startChild(PROGRAM, { name: 'child', told })
  onTestFinished(() => child.kill())
  await until('it has counted', async () => (await other.get('k')).total > 1_000_020n)
  await child.kill()
  await until('its share is out', async () => (await other.get('k')).total === 1_000_000n)
  const again = await strictCounter(store, options)
  const { total, own } = await again.get('k')
  expect(total).toBe(1_000_000n + own)
  await Promise.all([again.close(), other.close()])
  return { own, answered: BigInt(child.line) }
}

test('a process that is killed drops out by itself, by the server’s clock, and nothing that was answered is lost', async () => {
  const { own, answered } = await killed(false)
  expect([answered, answered + 1n]).toContain(own)
})

test('a process that is killed with a lax counter drops out by itself, and nothing that was flushed is lost', async () => {
  const { own } = await killed(true)
  expect(own).toBeGreaterThan(20n)
})

test('an answer that is lost is asked for again, and the change is made once, by strict and by lax counters', async () => {
  const config = newConfig()
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const near = await open(config)
  const far = await open({ ...config, servers: `127.0.0.1:${proxy.port}`, replyTimeout: 500 })
  const strict = await strictCounter(far, { namespace: 'n', heartbeatInterval: Infinity })
  const lax = laxCounter(await strictCounter(far, { namespace: 'n', heartbeatInterval: Infinity }), {
    flushInterval: 1,
  })
  const other = await strictCounter(near, { namespace: 'n' })
  let cuts = 0
  for (let round = 1; round <= 6; round++) {
    const counter = round <= 3 ? strict : lax
    let isSent = false
    proxy.rule((bytes, direction) => {
      if (cuts === round) return 'pass'
      if (direction === 'request') isSent ||= bytes.includes(`PUB $KV.${config.bucket}.k.`)
      if (direction === 'request' || !isSent) return 'pass'
      cuts = round
      return 'cut'
    })
    await counter.inc('k', 1)
    await until('it is counted', async () => (await other.get('k')).total >= BigInt(round) && cuts === round)
    expect((await counter.get('k')).own).toBe(BigInt(round <= 3 ? round : round - 3))
    expect((await other.get('k')).total).toBe(BigInt(round))
  }
  await Promise.all([strict.close(), lax.close(), other.close()])
})

test('names that would mean something to JavaScript or to NATS are names like others', async () => {
  const store = await open(newConfig())
  const names = ['__proto__', 'constructor', '*', '>', 'a b', '\r\n']
  const counters = await Promise.all(
    names.map((instanceId) => strictCounter(store, { namespace: '__proto__', instanceId })),
  )
  for (const counter of counters) await counter.inc('__proto__', 1)
  for (const counter of counters) expect(await counter.get('__proto__')).toEqual({ total: 6n, own: 1n })
  await Promise.all(counters.map((counter) => counter.close()))
})

test('entries that nobody needs any more go by themselves', async () => {
  const config = newConfig()
  const connection = await closing(connect({ servers: config.servers }))
  const store = await open(config)
  const options = { namespace: 'n', heartbeatInterval: Infinity, deadInstanceThreshold: 500, forgetAfter: 500 }
  const counter = await strictCounter(store, options)
  await counter.inc('k', 1)
  const other = await strictCounter(store, { namespace: 'n' })
  const kv = await connection.jetstream().views.kv(config.bucket)
  const instances = async (): Promise<number> => {
    let count = 0
    for await (const key of await kv.keys()) count += key.startsWith('i.') ? 1 : 0
    return count
  }
  expect(await instances()).toBe(2)
  await until('the one is forgotten', async () => (await instances()) === 1)
  expect(await other.inc('k', 2)).toEqual({ total: 2n, own: 2n })
  expect(await counter.get('k')).toEqual({ total: 2n, own: 0n })
  await Promise.all([counter.close(), other.close()])
})

describe('a bucket', () => {
  test('is named as missing where it is, and as unfit where it was made for something else', async () => {
    const { servers, bucket } = newConfig()
    const unfit = { code: 'INVALID_INPUT', field: 'bucket' }
    await expect(NatsCounterStore.create({ servers, bucket })).rejects.toMatchObject(unfit)
    const connection = await closing(connect({ servers }))
    await connection.jetstream().views.kv(bucket)
    const create = NatsCounterStore.create({ servers, bucket, setup: true })
    await expect(create).rejects.toMatchObject({ ...unfit, field: 'bucket.allow_msg_ttl' })
  })

  test('is created once by several that come at once', async () => {
    const config = newConfig()
    const stores = await Promise.all([1, 2, 3].map(() => open(config)))
    const counters = await Promise.all(stores.map((store) => strictCounter(store, { namespace: 'n' })))
    await Promise.all(counters.map((counter) => counter.inc('k', 1)))
    for (const counter of counters) expect((await counter.get('k')).total).toBe(3n)
    await Promise.all(counters.map((counter) => counter.close()))
  })

  test('that is closed refuses everything', async () => {
    const store = await open(newConfig())
    const instance = { namespace: 'n', instanceId: 'i', deadInstanceThreshold: 1_000, forgetAfter: 1_000 }
    await store.heartbeat(instance)
    await Promise.all([store.close(), store.close()])
    await expect(store.get(instance, 'k')).rejects.toMatchObject({ code: 'REFUSED', reason: 'closed' })
  })
})

test.each<[field: string, wrong: object]>([
  ['bucket', { bucket: 'a.b' }],
  ['replicas', { replicas: 6 }],
  ['timeout', { timeout: 0 }],
  ['clock', { clock: 'noon' }],
  ['buckets', { buckets: 'b' }],
])('a configuration that is wrong is refused, and its field %s named', async (field, wrong) => {
  const create: unknown = Reflect.get(NatsCounterStore, 'create')
  const config = { servers: `127.0.0.1:${await freePort()}`, bucket: 'b', ...wrong }
  const creating = async (): Promise<unknown> => typeof create === 'function' && create.call(NatsCounterStore, config)
  await expect(creating()).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
})
