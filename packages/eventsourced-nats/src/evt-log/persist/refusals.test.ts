import type { RefusedReason } from 'eventsourced'
import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, headers } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import {
  closing,
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  texts,
  ZERO,
} from '../../evt-log.test.fixture.js'
import type { StreamSettings } from '../../config/find-or-create.js'

/** A log whose stream somebody else sets up anew while it is open. */
async function changed(over: Partial<StreamSettings>, timeout = 15_000) {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true, timeout })
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const key = newKey()
  const { head } = await log.persist(newAppend(key))
  const { config } = await streams.info(stream)
  const settings: StreamSettings = { ...config, ...over }
  await streams.update(stream, settings)
  return { stream, log, key, head }
}

test.for<{ what: string; over: Partial<StreamSettings>; events: number; reason: RefusedReason }>([
  { what: 'a message over max_msg_size', over: { max_msg_size: 2_000 }, events: 1, reason: 'too-large' },
  { what: 'an event for a stream that is sealed', over: { sealed: true }, events: 1, reason: 'forbidden' },
  { what: 'a batch for one', over: { sealed: true }, events: 2, reason: 'forbidden' },
  { what: 'a batch where they are turned off', over: { allow_atomic: false }, events: 2, reason: 'forbidden' },
])('$what is refused as $reason by the server itself, and nothing is stored', async ({ over, events, reason }) => {
  const { log, key, head } = await changed(over)
  const group = Array.from({ length: events }, (_, index) => newEvt({ bytes: Buffer.alloc(index === 0 ? 5_000 : 10) }))
  expect(await failureOf(log.persist(newAppend(key, head, [group])))).toMatchObject({ code: 'REFUSED', reason })
  expect(await log.head(key)).toMatchObject(head)
})

test('what is more than the stream was set up for is refused as too large, alone or in a batch, and harms no other', async () => {
  const { stream, key, head } = await changed({ max_msg_size: 2_000 })
  const log = await openLog({ servers: testNats(), stream })
  const others = Array.from({ length: 10 }, () => log.persist(newAppend(newKey(), ZERO, [[newEvt(), newEvt()]])))
  const large = newEvt({ bytes: Buffer.alloc(2_000) })
  for (const group of [[large], [newEvt(), large]]) {
    const failure = await failureOf(log.persist(newAppend(key, head, [group])))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'too-large' })
    expect(String(failure)).toContain('max_msg_size')
  }
  await Promise.all(others)
  expect(await log.head(key)).toMatchObject(head)
})

test('a batch of which the server lets one message not in, and does not say so, is stored but for that one’s append', async () => {
  const { log, key, head } = await changed({ max_msg_size: 2_000 }, 500)
  const large = log.persist(newAppend(key, head, [[newEvt({ bytes: Buffer.alloc(5_000) }), newEvt()]]))
  const others = Array.from({ length: 10 }, () => log.persist(newAppend(newKey(), ZERO, [[newEvt(), newEvt()]])))
  expect(await failureOf(large)).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('10176') })
  expect(await Promise.all(others)).toHaveLength(10)
  expect(await log.head(key)).toMatchObject(head)
})

test('what is more than the account may store is refused as full, alone or in a batch', async () => {
  const config = 'accounts { A: { users: [ { user: "ann", password: "a" } ], jetstream: { max_file: 20000 } } }'
  const server = await startNatsServer({ config })
  onTestFinished(() => server.stop())
  const auth = { user: 'ann', password: 'a' }
  const log = await openLog({ servers: server.url, auth, stream: newStream(), setup: true })
  const key = newKey()
  const { head } = await log.persist(newAppend(key))
  for (const events of [1, 3]) {
    const group = Array.from({ length: events }, () => newEvt({ bytes: Buffer.alloc(50_000) }))
    const failure = await failureOf(log.persist(newAppend(key, head, [group])))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'full' })
  }
  expect(await log.head(key)).toMatchObject(head)
})

test('where others have as many batches under way as the server allows, an append waits until one of them is over', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const connection = await closing(connect({ servers: testNats() }))
  const part = (batch: number, sequence: number) => {
    const own = headers()
    own.set('Nats-Batch-Id', `${stream}-${batch}`)
    own.set('Nats-Batch-Sequence', String(sequence))
    if (sequence > 1) own.set('Nats-Batch-Commit', '1')
    return connection.request(`${stream}.other.0.${batch}`, 'x', { headers: own, timeout: 5_000 })
  }
  const batches = Array.from({ length: 50 }, (_, batch) => batch)
  await Promise.all(batches.map((batch) => part(batch, 1)))
  const key = newKey()
  let tries = 0
  connection.subscribe(`${stream}.counter.>`, { callback: () => void tries++ })
  await connection.flush()
  const append = newAppend(key, ZERO, [[newEvt(), newEvt()]])
  const persisting = log.persist(append)
  await expect.poll(() => tries).toBeGreaterThan(4)
  await Promise.all(batches.map((batch) => part(batch, 2)))
  expect(await persisting).toMatchObject({ groups: 1 })
  expect(await texts(log, key)).toHaveLength(2)
})
