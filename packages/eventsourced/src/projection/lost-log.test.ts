import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../errors.js'
import type { HeadPositionOptions, PersistedEvt } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { atLeastOnce } from './at-least-once.js'
import { Bench, newId, note } from './projection.test.fixture.js'
import { Projections } from './projections.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

/** A log in whose place another one may be put, as one that was restored from a backup; live reads notice when they are cut. */
class RestoredEvtLog extends MemoryEvtLog {
  restored: MemoryEvtLog | undefined
  /** What its head was asked for with. */
  readonly asked: (number | undefined)[] = []
  cut: () => void = () => {}

  override head(...args: Parameters<MemoryEvtLog['head']>): ReturnType<MemoryEvtLog['head']> {
    return this.restored?.head(...args) ?? super.head(...args)
  }

  override headPosition(options?: HeadPositionOptions): ReturnType<MemoryEvtLog['headPosition']> {
    this.asked.push(options?.atLeast)
    return this.restored?.headPosition() ?? super.headPosition()
  }

  override evtsById(...args: Parameters<MemoryEvtLog['evtsById']>): ReturnType<MemoryEvtLog['evtsById']> {
    return this.restored?.evtsById(...args) ?? super.evtsById(...args)
  }

  override async *evtsByType(...args: Parameters<MemoryEvtLog['evtsByType']>): AsyncGenerator<PersistedEvt> {
    const cut = new Promise<never>((_, reject) => {
      this.cut = () => reject(new UnavailableError('the connection is cut'))
    })
    cut.catch(() => undefined)
    const evts = super.evtsByType(...args)[Symbol.asyncIterator]()
    for (;;) {
      const next = await Promise.race([evts.next(), cut])
      if (next.done === true) return
      yield next.value
    }
  }
}

test('a log that ends before what was handled is an error, and so is one with other events in their place', async () => {
  const id = newId()
  const projection = await bench.start()
  await projection.reached(await bench.note(id, 3))
  await projection.stop()
  const handler = atLeastOnce(bench.store, () => undefined)
  const shorter = new MemoryEvtLog()
  await expect(bench.start({ evtLog: shorter, handler })).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  await note(shorter, newId(), 5)
  await expect(bench.start({ evtLog: shorter, handler })).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  const other = new MemoryEvtLog()
  await note(other, id, 5)
  await expect(bench.start({ evtLog: other, handler })).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
})

test('a log is told what it must have reached, and is given time for it once, however many slices it has lost', async () => {
  const evtLog = new RestoredEvtLog({ storageOf: bench.evtLog })
  const before = await bench.start({ evtLog })
  const last = await bench.note(newId(7), 3)
  for (const slice of [8, 9, 10, 11, 12, 13, 14, 15]) await before.reached(await bench.note(newId(slice)))
  await before.reached(last)
  await before.stop()
  evtLog.restored = new MemoryEvtLog()
  evtLog.asked.length = 0
  await expect(bench.start({ evtLog })).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  expect(evtLog.asked).toEqual([await bench.evtLog.headPosition()])
  evtLog.restored = undefined
  const projection = await bench.start({ evtLog })
  evtLog.restored = new MemoryEvtLog()
  evtLog.asked.length = 0
  await expect.poll(async () => (await projection.status()).slices.every(({ state }) => state === 'failed')).toBe(true)
  // Those that are claimed at once ask at once.
  expect(evtLog.asked.filter((atLeast = 0) => atLeast > 0).length).toBeLessThanOrEqual(8)
})

test('a slice that stopped since its log lost events does not go on by being resumed, but by a reset', async () => {
  const id = newId(7)
  const evtLog = new RestoredEvtLog({ storageOf: bench.evtLog })
  const before = await bench.start({ evtLog })
  await before.reached(await bench.note(id, 3))
  await before.stop()
  const projection = await bench.start({ evtLog })
  // With others' events where the offset stands, before any slice is claimed.
  evtLog.restored = new MemoryEvtLog()
  await note(evtLog.restored, id, 5)
  await expect.poll(async () => (await projection.status()).slices[7]?.state).toBe('failed')
  await projection.manage.resume()
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  // It is looked at anew first.
  await expect
    .poll(async () => (await projection.status()).slices[7])
    .toMatchObject({ state: 'failed', lastError: { code: 'LOG_LOST_EVENTS' } })
  await projection.manage.reset(0)
  await expect.poll(async () => (await projection.status()).state).toBe('running')
  await expect.poll(() => bench.seen.of(id)).toEqual([1, 2, 3, 1, 2, 3])
})

test('a slice that stopped since its log lost events goes on by itself once the log has them again', async () => {
  const id = newId(7)
  const evtLog = new RestoredEvtLog({ storageOf: bench.evtLog })
  const before = await bench.start({ evtLog })
  await before.reached(await bench.note(id, 3))
  await before.stop()
  const projection = await bench.start({ evtLog })
  // As one seems to be that is asked through a server which has not caught up.
  evtLog.restored = new MemoryEvtLog()
  await expect.poll(async () => (await projection.status()).state).toBe('failed')
  expect((await projection.status()).lastError).toMatchObject({ code: 'LOG_LOST_EVENTS' })
  evtLog.restored = undefined
  evtLog.asked.length = 0
  await projection.reached(await bench.note(id))
  await expect.poll(async () => (await projection.status()).state, { timeout: 10_000 }).toBe('running')
  // It is not waited for again, which would hold up the slices that are well.
  expect(evtLog.asked.filter((atLeast = 0) => atLeast > 0)).toEqual([])
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4])
})

test('a projection whose log lost events is started again by resetting it before', async () => {
  const projection = await bench.start()
  await projection.reached(await bench.note(newId(), 3))
  await projection.stop()
  const evtLog = new MemoryEvtLog()
  const projections = new Projections({ offsetStore: bench.store, evtLog })
  await projections.of(projection.key).reset(0)
  const again = await bench.start({ evtLog })
  await expect.poll(async () => (await again.status()).requests).toEqual([])
  const id = newId()
  await again.reached(await note(evtLog, id, 2))
  expect(bench.seen.of(id)).toEqual([1, 2])
})

test('events that were deleted after they were handled are no loss', async () => {
  const id = newId()
  const projection = await bench.start()
  const { key, position } = await bench.note(id, 3)
  await projection.reached({ key, position })
  await projection.stop()
  await bench.evtLog.deleteEvts(key, 3)
  const again = await bench.start()
  const other = newId()
  await again.reached(await bench.note(other))
  expect(bench.seen.of(other)).toEqual([1])
})

test('where a live read was cut, the log is looked at before it is read on: it may be another one', async () => {
  const id = newId(7)
  const evtLog = new RestoredEvtLog({ storageOf: bench.evtLog })
  const projection = await bench.start({ evtLog })
  await projection.reached(await bench.note(id, 3))
  evtLog.restored = new MemoryEvtLog()
  await note(evtLog.restored, id, 9)
  evtLog.cut()
  await expect
    .poll(async () => (await projection.status()).slices[7])
    .toMatchObject({
      state: 'failed',
      lastError: { code: 'LOG_LOST_EVENTS' },
    })
})
