import { type Append, ConflictError, type Head } from 'eventsourced'
import { startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, type Msg } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, newAppend, newEvt, newKey, newStream, openLog, texts, ZERO } from '../../evt-log.test.fixture.js'
import type { Batching } from './way.js'

/** A log, and all that is published to its stream: whoever subscribes to the subjects hears it, stored or not. */
async function heard(over: { readonly batching?: Batching } = {}) {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true, ...over })
  const connection = await closing(connect({ servers: testNats() }))
  const msgs: Msg[] = []
  connection.subscribe(`${stream}.>`, { callback: (_, msg) => msgs.push(msg) })
  await connection.flush()
  return { stream, log, msgs, connection }
}

const batchOf = ({ headers }: Msg) => headers?.get('Nats-Batch-Id') ?? ''

test.for<{ batching: Batching; sharing: string; isEnough: (batched: number, batches: number) => boolean }>([
  { batching: 'never', sharing: 'none', isEnough: (batched) => batched === 0 },
  { batching: 'always', sharing: 'some', isEnough: (batched, batches) => batched > 10 * batches && batches > 0 },
])('of many appends of one event $sharing share batches with batching: $batching', async ({ batching, isEnough }) => {
  const { log, msgs } = await heard({ batching })
  await Promise.all(Array.from({ length: 300 }, () => log.persist(newAppend(newKey()))))
  await expect.poll(() => msgs.length).toBe(300)
  expect(new Set(msgs.map(({ subject }) => subject)).size).toBe(300)
  const batched = msgs.map(batchOf).filter((id) => id !== '')
  expect(isEnough(batched.length, new Set(batched).size)).toBe(true)
})

test('a lone append of one event goes by itself, and one of several in a batch of its own, also where they may share', async () => {
  const { log, msgs } = await heard({ batching: 'always' })
  for (let round = 0; round < 5; round++) await log.persist(newAppend(newKey()))
  for (let round = 0; round < 5; round++) await log.persist(newAppend(newKey(), ZERO, [[newEvt(), newEvt()]]))
  await expect.poll(() => msgs.length).toBe(15)
  expect(msgs.slice(0, 5).map(batchOf)).toEqual(['', '', '', '', ''])
  expect(new Set(msgs.slice(5).map(batchOf)).size).toBe(5)
})

test('what conflicts over and over is not sent any more, and its neighbours are sent once, but for the first time', async () => {
  const { log, msgs, connection } = await heard()
  const stale: Append[] = []
  for (let index = 0; index < 8; index++) {
    const first = newAppend(newKey())
    await log.persist(first)
    stale.push(first)
  }
  const neighbours = Array.from({ length: 100 }, () => newKey())
  const heads = new Map<string, Head>(neighbours.map(({ id }) => [id, ZERO]))
  const round = async () => {
    // What was sent before has come by then.
    await connection.flush()
    msgs.length = 0
    const failing = stale.map(({ key }) => log.persist(newAppend(key, ZERO, [[newEvt(), newEvt()]])))
    const storing = neighbours.map(async (key) => {
      const { head } = await log.persist(newAppend(key, heads.get(key.id), [[newEvt(), newEvt()]]))
      heads.set(key.id, head)
    })
    for (const outcome of await Promise.allSettled(failing)) {
      expect(outcome).toMatchObject({ reason: expect.any(ConflictError) })
    }
    await Promise.all(storing)
  }
  await round()
  const ids = new Set(neighbours.map(({ id }) => id))
  for (let again = 0; again < 4; again++) {
    await round()
    await connection.flush()
    expect(msgs.filter(({ subject }) => ids.has(subject.split('.')[3] ?? ''))).toHaveLength(200)
    expect(msgs).toHaveLength(200)
    expect(new Set(msgs.map(batchOf)).size).toBeLessThan(20)
  }
})

test('no more bytes of appends are on their way than are allowed, and all are stored', async () => {
  const proxy = await startTcpProxy({ port: Number(new URL(testNats()).port) })
  onTestFinished(() => proxy.close())
  const { stream, log: another, msgs, connection } = await heard()
  const maxInFlightBytes = 20_000
  const log = await openLog({ servers: `127.0.0.1:${proxy.port}`, stream, maxInFlightBytes })
  const keys = Array.from({ length: 60 }, () => newKey())
  proxy.rule((_, direction) => (direction === 'answer' ? 'hold' : 'pass'))
  const all = keys.map((key, index) => {
    const evts = Array.from({ length: 1 + (index % 2) }, () => newEvt({ bytes: Buffer.alloc(1_000) }))
    return log.persist(newAppend(key, ZERO, [evts]))
  })
  await expect.poll(() => msgs.length).toBeGreaterThan(5)
  // What another one stores comes behind all that was sent before it.
  await another.persist(newAppend(newKey('another')))
  await connection.flush()
  const sent = msgs.filter(({ subject }) => !subject.includes('.another.'))
  expect(sent.reduce((bytes, { data }) => bytes + data.byteLength, 0)).toBeLessThanOrEqual(maxInFlightBytes)
  proxy.rule()
  await Promise.all(all)
  for (const [index, key] of keys.entries()) expect(await texts(another, key)).toHaveLength(1 + (index % 2))
})
