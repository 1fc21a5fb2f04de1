import { startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { expect, onTestFinished, test } from 'vitest'
import { connected, opened, setting } from './counters.test.fixture.js'
import type { CounterEntry, Counters, WatchOptions } from './index.js'

/** Collects what a watch gives until the test ends. */
function watching(counters: Counters, subjects: string | readonly string[], options?: WatchOptions): CounterEntry[] {
  const seen: CounterEntry[] = []
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const watch = async () => {
    for await (const entry of counters.watch(subjects, { signal: stop.signal, ...options })) seen.push(entry)
  }
  watch().catch(() => undefined)
  return seen
}

test('each add comes, in order, with the value after it', async () => {
  const { counters, stream } = await setting()
  await counters.add(`${stream}.a`, 5)
  await counters.add(`${stream}.other`, 1)
  const seen = watching(counters, [`${stream}.a`, `${stream}.b`], { after: 0 })
  await counters.add(`${stream}.a`, -2n)
  await counters.add(`${stream}.b`, 7, { id: 'x' })
  await expect.poll(() => seen).toHaveLength(3)
  expect(seen).toMatchObject([
    { subject: `${stream}.a`, value: 5n, increment: 5n },
    { subject: `${stream}.a`, value: 3n, increment: -2n },
    { subject: `${stream}.b`, value: 7n, increment: 7n, id: 'x' },
  ])
})

test('it goes on behind a sequence', async () => {
  const { counters, stream } = await setting()
  for (let count = 0; count < 3; count++) await counters.increment(`${stream}.a`)
  const { sequence } = await counters.get(`${stream}.a`)
  const seen = watching(counters, '>', { after: sequence - 1 })
  await expect.poll(() => seen.map(({ value }) => value)).toEqual([3n])
})

test('without one it begins with what is added from now on', async () => {
  const { counters, stream } = await setting()
  await counters.increment(`${stream}.a`)
  const seen = watching(counters, '>')
  // Nothing tells when it has begun: so there is something to see until it has seen something.
  while (seen.length === 0) await counters.increment(`${stream}.a`)
  expect(seen[0]?.value).toBeGreaterThan(1n)
})

test('it survives lost connections: none is missed and none repeated', async () => {
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const { counters, stream } = await setting()
  const behind = await opened(await connected(`127.0.0.1:${proxy.port}`), stream)
  const seen = watching(behind, `${stream}.*`, { after: 0 })
  const count = 300
  for (let value = 1; value <= count; value++) {
    await counters.increment(`${stream}.a`)
    if (value % 50 !== 0) continue
    await expect.poll(() => seen.length, { interval: 5, timeout: 10_000 }).toBeGreaterThan(value - 50)
    proxy.cut()
  }
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(count)
  expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: count }, (_, index) => BigInt(index + 1)))
})

test('it ends with its signal while it waits, throwing the reason', async () => {
  const { counters } = await setting()
  const stop = new AbortController()
  const next = counters.watch('>', { signal: stop.signal, after: 0 })[Symbol.asyncIterator]().next()
  const reason = new Error('enough')
  stop.abort(reason)
  await expect(next).rejects.toBe(reason)
})

test('it ends when the counters are closed, and says so', async () => {
  const { counters, stream } = await setting()
  const iterator = counters.watch(`${stream}.>`, { after: 0 })[Symbol.asyncIterator]()
  await counters.increment(`${stream}.a`)
  await iterator.next()
  const next = iterator.next()
  await counters.close()
  await expect(next).rejects.toMatchObject({ code: 'CLOSED' })
})

test('leaving it leaves nothing on the server', async () => {
  const { connection, counters, stream } = await setting()
  await counters.increment(`${stream}.a`)
  for await (const _ of counters.watch('>', { after: 0 })) break
  const manager = await connection.jetstreamManager()
  await expect.poll(async () => (await manager.streams.info(stream)).state.consumer_count).toBe(0)
})

test.for([
  ['no subjects', []],
  ['an empty subject', ['']],
  ['subjects that overlap', ['a.*', '*.b']],
  ['one that matches all beside another', ['a', '>']],
] as const)('%s are refused at once', async ([, subjects]) => {
  const { counters } = await setting()
  expect(() => counters.watch(subjects)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})

test.for([-1, 0.5, Number.NaN])('the sequence %d is refused at once', async (after) => {
  const { counters } = await setting()
  expect(() => counters.watch('>', { after })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})
