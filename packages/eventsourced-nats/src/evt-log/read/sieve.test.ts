import { expect, test } from 'vitest'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import {
  closing,
  collect,
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  ZERO,
} from '../../evt-log.test.fixture.js'
import { Sieve } from './sieve.js'

const SUBJECTS = ['bench.counter.*.*']
const wanted = { isWanted: (subject: string) => subject.startsWith('bench.counter.'), share: 1 }

/** Has a sieve see messages, of which every so many is wanted. @returns at which sequences it has turned */
function sift(sieve: Sieve, from: number, count: number, wantedEvery: number): number[] {
  const turned: number[] = []
  for (let seq = from; seq < from + count; seq++) {
    const isWanted = seq % wantedEvery === 0
    // What the server passes over never comes.
    if (!isWanted && sieve.filter.length > 0) continue
    sieve.wants(isWanted ? 'bench.counter.1.x' : 'bench.other.1.x')
    if (sieve.hasTurned(seq)) turned.push(seq)
  }
  return turned
}

test('everything is read as long as a quarter of it is wanted', () => {
  const sieve = new Sieve(SUBJECTS, 0, wanted)
  expect(sift(sieve, 1, 10_000, 4)).toEqual([])
  expect(sieve.filter).toEqual([])
})

test('the server picks where little is wanted, and no longer once half of it is', () => {
  const sieve = new Sieve(SUBJECTS, 0, wanted)
  expect(sift(sieve, 1, 10_000, 5)).toEqual([1_024])
  expect(sieve.filter).toEqual(SUBJECTS)
  expect(sift(sieve, 10_001, 20_000, 3)).toEqual([])
  expect(sift(sieve, 30_001, 10_000, 1)).toHaveLength(1)
  expect(sieve.filter).toEqual([])
})

test('the server picks from the beginning where no quarter can be wanted', () => {
  const few = new Sieve(SUBJECTS, 0, { ...wanted, share: 15 / 64 })
  expect(few.filter).toEqual(SUBJECTS)
  expect(sift(few, 1, 10_000, 5)).toEqual([])
  expect(new Sieve(SUBJECTS, 0, { ...wanted, share: 16 / 64 }).filter).toEqual([])
})

test('slices are filtered by the server', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const connection = await closing(connect({ servers: testNats() }))
  const { consumers } = await connection.jetstreamManager()
  const filters = async () => {
    const found = await consumers.list(stream).next()
    return found.map(({ config }) => config.filter_subjects ?? config.filter_subject)
  }
  const stop = new AbortController()
  const { signal } = stop
  const reading = failureOf(collect(log.evtsByType('counter', { live: true, slice: [3, 17, 63], signal })))
  await expect.poll(filters).toEqual([[3, 17, 63].map((slice) => `${stream}.counter.${slice}.*`)])
  stop.abort(new Error('enough'))
  expect(await reading).toBe(signal.reason)
})

test('the server always picks where nobody else can tell what is wanted', () => {
  const sieve = new Sieve(SUBJECTS, 0)
  expect(sift(sieve, 1, 10_000, 1)).toEqual([])
  expect(sieve.filter).toEqual(SUBJECTS)
})

test('a read has each event once and in order, however the shares of the types change along the stream', async () => {
  const log = await openLog({ servers: testNats(), stream: newStream(), setup: true })
  const [counter, other] = [newKey(), newKey('other')]
  const heads = new Map([
    [counter, ZERO],
    [other, ZERO],
  ])
  const groups = [Array.from({ length: 500 }, () => newEvt({ bytes: Buffer.from('x') }))]
  for (const [key, times] of [
    [counter, 1],
    [other, 5],
    [counter, 5],
    [other, 5],
    [counter, 1],
  ] as const) {
    for (let time = 0; time < times; time++) {
      heads.set(key, (await log.persist(newAppend(key, heads.get(key), groups))).head)
    }
  }
  for (const live of [false, true]) {
    const seqNos: number[] = []
    for await (const evt of log.evtsByType('counter', { live })) {
      expect(evt.key).toEqual(counter)
      seqNos.push(evt.seqNo)
      if (live && seqNos.length === 3_500) break
    }
    expect(seqNos).toEqual(Array.from({ length: 3_500 }, (_, index) => index + 1))
  }
  expect(await collect(log.evtsByType('third'))).toEqual([])
})
