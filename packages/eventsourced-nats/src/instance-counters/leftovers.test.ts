import { strictCounter } from 'eventsourced/counters'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, nuid } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing } from '../evt-log.test.fixture.js'
import { NatsCounterStore } from '../index.js'

const DAY_MS = 24 * 3_600_000

test('what a clear has left behind is removed a week later, by the next store or the next clear, and nothing else', async () => {
  const clock = { now: Date.now() }
  const config = { servers: testNats(), bucket: `counters-${nuid.next()}`, setup: true, clock: () => clock.now }
  const open = async (): Promise<NatsCounterStore> => {
    const store = await NatsCounterStore.create(config)
    onTestFinished(() => store.close())
    return store
  }
  const options = { heartbeatInterval: Infinity, forgetAfter: 365 * DAY_MS }
  const store = await open()
  const connection = await closing(connect({ servers: config.servers }))
  const kv = await connection.jetstream().views.kv(config.bucket)
  const keys = async (): Promise<string[]> => {
    const found = []
    for await (const key of await kv.keys('k.>')) {
      const [, namespace = '', name = ''] = key.split('.').map((part) => Buffer.from(part, 'base64url').toString())
      found.push(`${namespace}/${name}`)
    }
    return found.toSorted()
  }
  const [once, again, never] = [
    await strictCounter(store, { namespace: 'once', ...options }),
    await strictCounter(store, { namespace: 'again', ...options }),
    await strictCounter(store, { namespace: 'never', ...options }),
  ]
  for (const counter of [once, again, never]) {
    await counter.inc('old', 1)
    await counter.inc('both', 1)
  }
  for (const counter of [once, again]) {
    await counter.clear()
    await counter.inc('both', 2)
    await counter.inc('new', 3)
  }
  const all = ['again', 'never', 'once'].flatMap((one) => ['both', 'new', 'old'].map((name) => `${one}/${name}`))
  const before = all.filter((key) => key !== 'never/new')
  await (await open()).close()
  expect(await keys()).toEqual(before)

  clock.now += 8 * DAY_MS
  await again.clear()
  expect(await keys()).toEqual(before.filter((key) => key !== 'again/old'))
  await (await open()).close()
  // The second clear too is long ago by this clock, since entries bear the server's time.
  expect(await keys()).toEqual(before.filter((key) => !key.startsWith('again/') && key !== 'once/old'))
  expect(await once.get('both')).toEqual({ total: 2n, own: 2n })
  expect(await once.get('old')).toEqual({ total: 0n, own: 0n })
  expect(await again.get('both')).toEqual({ total: 0n, own: 0n })
  expect(await never.get('old')).toEqual({ total: 1n, own: 1n })
  await Promise.all([once, again, never].map((counter) => counter.close()))
})

test('an entry of a newer release is refused, and not written over', async () => {
  const config = { servers: testNats(), bucket: `counters-${nuid.next()}`, setup: true }
  const store = await NatsCounterStore.create(config)
  onTestFinished(() => store.close())
  const counter = await strictCounter(store, { namespace: 'n' })
  await counter.inc('k', 1)
  const connection = await closing(connect({ servers: config.servers }))
  const kv = await connection.jetstream().views.kv(config.bucket)
  const key = `k.${Buffer.from('n').toString('base64url')}.${Buffer.from('k').toString('base64url')}`
  await kv.put(key, '{"format":2}')
  await expect(counter.inc('k', 1)).rejects.toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
  expect((await kv.get(key))?.string()).toBe('{"format":2}')
  await kv.delete(key)
  expect(await counter.inc('k', 1)).toEqual({ total: 1n, own: 1n })
  await counter.close()
})
