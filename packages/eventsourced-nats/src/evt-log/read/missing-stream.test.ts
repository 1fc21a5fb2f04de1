import type { PersistedEvt } from 'eventsourced'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import {
  closing,
  collect,
  failureOf,
  newAppend,
  newKey,
  newStream,
  openLog,
  textOf,
  ZERO,
} from '../../evt-log.test.fixture.js'

async function setting(timeout: number) {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true, timeout })
  const connection = await closing(connect({ servers: testNats() }))
  const manager = await connection.jetstreamManager()
  const key = newKey()
  const { head } = await log.persist(newAppend(key))
  return { stream, log, manager, key, head }
}

test('live reads of a stream that is deleted end, and say that it is gone', async () => {
  const { stream, log, manager, key } = await setting(300)
  const seen: PersistedEvt[] = []
  const reads = [log.evtsByType('counter', { live: true }), log.evtsById(key, { live: true })].map((evts) =>
    failureOf(
      (async () => {
        for await (const evt of evts) seen.push(evt)
      })(),
    ),
  )
  await expect.poll(() => seen.length).toBe(2)
  await manager.streams.delete(stream)
  for (const failure of await Promise.all(reads)) {
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining(`${stream} is gone`) })
  }
  expect(await failureOf(collect(log.evtsByType('counter', { live: true })))).toMatchObject({ code: 'UNAVAILABLE' })
  expect(log.openReads).toBe(0)
})

test('live reads of a stream that comes back shorter than they have read it end, and say that events are lost', async () => {
  const { stream, log, manager, key } = await setting(1_000)
  const seen: PersistedEvt[] = []
  const reads = [log.evtsByType('counter', { live: true }), log.evtsById(key, { live: true })].map((evts) =>
    failureOf(
      (async () => {
        for await (const evt of evts) seen.push(evt)
      })(),
    ),
  )
  await log.persist(newAppend(key, await log.head(key)))
  await expect.poll(() => seen.length).toBe(4)
  const { config } = await manager.streams.info(stream)
  await manager.streams.delete(stream)
  await manager.streams.add(config)
  for (const failure of await Promise.all(reads)) {
    expect(failure).toMatchObject({ code: 'LOG_LOST_EVENTS', message: expect.stringContaining(stream) })
  }
  await expect.poll(async () => (await manager.streams.info(stream)).state.consumer_count).toBe(0)
})

test('a live read of a stream that is missing for a moment goes on', async () => {
  const { stream, log, manager, key, head } = await setting(20_000)
  const seen: PersistedEvt[] = []
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const reading = failureOf(
    (async () => {
      for await (const evt of log.evtsByType('counter', { live: true, signal: stop.signal })) seen.push(evt)
    })(),
  )
  await expect.poll(() => seen.length).toBe(1)
  const { config } = await manager.streams.info(stream)
  await manager.streams.delete(stream)
  // The reader has noticed once no consumer of its can be there any more; then the stream comes back with what it had.
  await expect.poll(() => failureOf(manager.streams.info(stream))).toMatchObject({ api_error: { err_code: 10_059 } })
  await manager.streams.add({ ...config, first_seq: head.position + 1 })
  const next = newAppend(newKey(), ZERO)
  await log.persist(next)
  await expect.poll(() => seen.map(textOf), { timeout: 20_000 }).toContain(next.groups.flat().map(textOf)[0])
  expect(seen.map(({ key: { id } }) => id)).toEqual([key.id, next.key.id])
  stop.abort(new Error('enough'))
  expect(await reading).toBe(stop.signal.reason)
})
