import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, test } from 'vitest'
import {
  closing,
  collect,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  textOf,
  ZERO,
} from '../../evt-log.test.fixture.js'

const FENCE = 'Nats-Expected-Last-Subject-Sequence'

/** A log with an entity whose appends, of one event or several, lie far from each other. */
async function scattered(sizes: readonly number[]) {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const [key, other] = [newKey(), newKey()]
  const sent: string[] = []
  let head = ZERO
  let otherHead = ZERO
  for (const size of sizes) {
    const between = Array.from({ length: 120 }, () => newEvt({ bytes: Buffer.from('x') }))
    otherHead = (await log.persist(newAppend(other, otherHead, [between]))).head
    const group = Array.from({ length: size }, () => newEvt())
    head = (await log.persist(newAppend(key, head, [group]))).head
    sent.push(...group.map(textOf))
  }
  return { stream, log, key, head, sent, fresh: () => openLog({ servers: testNats(), stream }) }
}

test('the server keeps the fence that an event was stored with, by which the one before it is found', async () => {
  const { stream, key, head, log } = await scattered([1, 1])
  const [first] = await collect(log.evtsById(key, { to: 1 }))
  const connection = await closing(connect({ servers: testNats() }))
  const manager = await connection.jetstreamManager()
  const msg = await manager.streams.getMessage(stream, { seq: head.position })
  expect(msg.header.get(FENCE)).toBe(String(first?.position))
})

test('events that lie scattered are read as they were stored, from anywhere, by one log and another', async () => {
  const { log, key, sent, fresh } = await scattered([1, 3, 1, 1, 2, 1, 1])
  for (const reader of [log, await fresh()]) {
    for (let from = 0; from <= sent.length; from++) {
      for (const to of [from, sent.length - 1, undefined]) {
        const evts = await collect(reader.evtsById(key, { from, ...(to !== undefined && { to }) }))
        expect(evts.map(textOf)).toEqual(sent.slice(Math.max(from - 1, 0), to))
        expect(evts.map(({ seqNo }) => seqNo)).toEqual(evts.map((_, index) => Math.max(from, 1) + index))
      }
    }
  }
})

test('what is deleted is missing, and events behind a tombstone are read', async () => {
  const { log, key, head, sent, fresh } = await scattered([1, 1, 2, 1])
  await log.deleteEvts(key, 2)
  const rest = await collect((await fresh()).evtsById(key))
  expect(rest.map(textOf)).toEqual(sent.slice(2))
  await log.deleteEvts(key, head.seqNo)
  expect(await collect((await fresh()).evtsById(key))).toEqual([])
  const next = newEvt()
  await log.persist(newAppend(key, await log.head(key), [[next]]))
  const reader = await fresh()
  expect((await collect(reader.evtsById(key))).map(textOf)).toEqual([textOf(next)])
  expect((await collect(reader.evtsById(key, { from: head.seqNo }))).map(textOf)).toEqual([textOf(next)])
})

test('more than are read one by one are all read', async () => {
  const { key, sent, fresh } = await scattered(Array.from({ length: 40 }, () => 1))
  expect((await collect((await fresh()).evtsById(key))).map(textOf)).toEqual(sent)
})
