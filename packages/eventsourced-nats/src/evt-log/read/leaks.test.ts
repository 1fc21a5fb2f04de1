import type { PersistedEvt } from 'eventsourced'
import { startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, collect, failureOf, newAppend, newKey, newStream } from '../../evt-log.test.fixture.js'
import { NatsEvtLog } from '../../index.js'

test('no consumer is left on the server by a read that came to its end, was left, aborted, or ended with its log', async () => {
  const stream = newStream()
  const log = await NatsEvtLog.create({ servers: testNats(), stream, setup: true })
  const key = newKey()
  await log.persist(newAppend(key))
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const consumers = async () => (await streams.info(stream)).state.consumer_count

  await collect(log.evtsByType('counter'))
  expect(await consumers()).toBe(0)

  for await (const _ of log.evtsByType('counter', { live: true })) break
  expect(await consumers()).toBe(0)

  const stop = new AbortController()
  const { signal } = stop
  const live = [log.evtsByType('counter', { live: true, signal }), log.evtsById(key, { live: true, signal })]
  const aborted = live.map((evts) => failureOf(collect(evts)))
  await expect.poll(consumers).toBe(2)
  stop.abort(new Error('enough'))
  for (const failure of await Promise.all(aborted)) expect(failure).toBe(signal.reason)
  // One whose creation was not yet answered is deleted once it is.
  await expect.poll(consumers).toBe(0)

  const seen: PersistedEvt[] = []
  const reading = failureOf(
    (async () => {
      for await (const evt of log.evtsByType('counter', { live: true })) seen.push(evt)
    })(),
  )
  await expect.poll(() => seen.length).toBe(1)
  await log.close()
  expect(await reading).toMatchObject({ code: 'REFUSED', reason: 'closed' })
  expect(await consumers()).toBe(0)
})

test('no consumer is left by a read whose log was closed before the server had answered that there is one', async () => {
  const stream = newStream()
  const proxy = await startTcpProxy({ port: Number(new URL(testNats()).port) })
  onTestFinished(() => proxy.close())
  const log = await NatsEvtLog.create({ servers: `127.0.0.1:${proxy.port}`, stream, setup: true })
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const consumers = async () => (await streams.info(stream)).state.consumer_count

  proxy.rule((_, direction) => (direction === 'answer' ? 'drop' : 'pass'))
  const reading = failureOf(collect(log.evtsByType('counter', { live: true })))
  await expect.poll(consumers).toBe(1)
  await log.close()
  expect(await reading).toMatchObject({ code: 'REFUSED', reason: 'closed' })
  await expect.poll(consumers).toBe(0)
})
