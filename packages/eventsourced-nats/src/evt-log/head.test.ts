import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, test } from 'vitest'
import { closing, collect, newAppend, newKey, newStream, openLog, ZERO } from '../evt-log.test.fixture.js'

/** A stream as a leader that was cut off has it: without what the log knows of. */
async function behind(timeout: number) {
  const stream = newStream()
  const servers = testNats()
  const [writer, reader] = [
    await openLog({ servers, stream, setup: true, timeout }),
    await openLog({ servers, stream, timeout }),
  ]
  const key = newKey()
  const { head } = await writer.persist(newAppend(key))
  await writer.persist(newAppend(key, head))
  await collect(reader.evtsByType('counter'))
  const connection = await closing(connect({ servers }))
  const manager = await connection.jetstreamManager()
  const { config } = await manager.streams.info(stream)
  await manager.streams.delete(stream)
  await manager.streams.add(config)
  return { stream, writer, reader, connection, manager, config }
}

test('a head older than what the log has stored or read is asked for again', async () => {
  const { stream, writer, reader, connection, manager, config } = await behind(20_000)
  let asked = 0
  connection.subscribe(`$JS.API.STREAM.INFO.${stream}`, { callback: () => void asked++ })
  await connection.flush()
  const heads = Promise.all([writer.headPosition(), reader.headPosition()])
  await expect.poll(() => asked).toBeGreaterThan(4)
  await manager.streams.delete(stream)
  await manager.streams.add({ ...config, first_seq: 3 })
  expect(await heads).toEqual([2, 2])
})

test('a head older than what the caller knows of is asked for again, until the time is over', async () => {
  const config = { servers: testNats(), stream: newStream() }
  const writer = await openLog({ ...config, setup: true })
  const patient = await openLog({ ...config, timeout: 20_000 })
  const impatient = await openLog({ ...config, timeout: 100 })
  const { head } = await writer.persist(newAppend(newKey()))
  const next = { atLeast: head.position + 1 }
  expect(await impatient.headPosition(next)).toBe(head.position)
  const waiting = patient.headPosition(next)
  await writer.persist(newAppend(newKey()))
  expect(await waiting).toBe(next.atLeast)
})

test('a stream that has lost messages is told as it is in the end', async () => {
  const { writer, reader } = await behind(100)
  expect(await Promise.all([writer.headPosition(), reader.headPosition()])).toEqual([0, 0])
  expect(await writer.head(newKey())).toMatchObject(ZERO)
})
