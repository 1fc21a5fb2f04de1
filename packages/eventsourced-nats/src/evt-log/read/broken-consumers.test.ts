import type { PersistedEvt } from 'eventsourced'
import { startTcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { closing, newAppend, newEvt, newKey, newStream, openLog, textOf } from '../../evt-log.test.fixture.js'

/** A live read by type through a proxy, and what writes past it. */
async function reading() {
  const stream = newStream()
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const lines: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const writer = await openLog({ servers: testNats(), stream, setup: true })
  const reader = await openLog({ servers: `127.0.0.1:${proxy.port}`, stream, logger })
  const seen: PersistedEvt[] = []
  const sent: string[] = []
  const over = (async () => {
    for await (const evt of reader.evtsByType('counter', { live: true })) seen.push(evt)
  })()
  over.catch(() => undefined)
  const store = async () => {
    const evt = newEvt()
    await writer.persist(newAppend(newKey(), undefined, [[evt]]))
    sent.push(textOf(evt))
  }
  const expectSeen = async () => {
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(sent.length)
    expect(seen.map(textOf)).toEqual(sent)
  }
  for (let count = 0; count < 3; count++) await store()
  await expectSeen()
  return { stream, proxy, lines, store, expectSeen }
}

const isEvt = (bytes: Buffer) => bytes.includes('Es-Append-Id')

test('a delivery that is lost is noticed by the next one, and both are seen', async () => {
  const { proxy, lines, store, expectSeen } = await reading()
  let lost = 0
  proxy.rule((bytes, direction) => {
    if (direction === 'request' || lost > 0 || !isEvt(bytes)) return 'pass'
    lost++
    return 'drop'
  })
  await store()
  await expect.poll(() => lost).toBe(1)
  await store()
  await expectSeen()
  expect(lines.join('')).toContain('was due')
})

test('a consumer that somebody deletes is replaced', async () => {
  const { stream, lines, store, expectSeen } = await reading()
  const connection = await closing(connect({ servers: testNats() }))
  const { consumers } = await connection.jetstreamManager()
  for await (const { name } of consumers.list(stream)) await consumers.delete(stream, name)
  await store()
  await expectSeen()
  expect(lines.join('')).toContain('a consumer broke')
})

test('a consumer of which nothing is heard any more, while all else works, is replaced', async () => {
  const { proxy, lines, store, expectSeen } = await reading()
  proxy.rule((bytes, direction) =>
    direction === 'answer' && (isEvt(bytes) || bytes.includes('Idle Heartbeat')) ? 'drop' : 'pass',
  )
  await store()
  await expect.poll(() => lines.join(''), { timeout: 20_000 }).toContain('nothing was heard of it')
  proxy.rule()
  await store()
  await expectSeen()
})

test('one consumer reads more than it asks for at a time', async () => {
  const stream = newStream()
  const lines: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const log = await openLog({ servers: testNats(), stream, setup: true, logger })
  const groups = [Array.from({ length: 900 }, () => newEvt())]
  await Promise.all(Array.from({ length: 4 }, () => log.persist(newAppend(newKey(), undefined, groups))))
  let count = 0
  for await (const _ of log.evtsByType('counter')) count += 1
  expect(count).toBe(3_600)
  expect(lines.join('')).not.toContain('a consumer broke')
})
