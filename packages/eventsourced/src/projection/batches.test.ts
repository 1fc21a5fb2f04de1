import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PersistedEvt } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { atLeastOnceGrouped } from './at-least-once.js'
import type { ProjectedEvt } from './delivery.js'
import { after, Bench, newId, note, type Noted } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

test('grouped handlers get whole batches, bounded by their count, and wait for more as long as they are told', async () => {
  const id = newId()
  await bench.note(id, 25)
  const sizes: number[] = []
  const handler = atLeastOnceGrouped<Noted>(bench.store, (evts) => void sizes.push(evts.length), {
    maxEvts: 10,
    maxWaitMs: 100,
  })
  const projection = await bench.start({ handler })
  await projection.manage.caughtUp()
  expect(sizes).toEqual([10, 10, 5])
})

test('what a log has at hand makes large batches, and waits for nothing once no more comes', async () => {
  await bench.note(newId(), 5_000)
  const sizes: number[] = []
  const handler = atLeastOnceGrouped<Noted>(bench.store, (evts) => void sizes.push(evts.length), { maxEvts: 1_000 })
  const projection = await bench.start({ handler })
  await projection.reached(await bench.note(newId()))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_001)
  expect(Math.max(...sizes)).toBe(1_000)
  expect(sizes.length).toBeLessThan(40)
})

test('a large batch falls apart once for an entity that can’t be handled, however many events of it there are', async () => {
  const [poisoned, other] = [newId(), newId()]
  await bench.note(poisoned, 1_000)
  const last = await bench.note(other)
  let calls = 0
  const handle = (evts: readonly ProjectedEvt<Noted>[]) => {
    calls += 1
    if (evts.some(({ key }) => key.id === poisoned)) throw new Error('poison')
  }
  const handler = atLeastOnceGrouped<Noted>(bench.store, handle, { maxEvts: 2_000, maxWaitMs: 50 })
  const projection = await bench.start({ handler, onError: after(1, 'park') })
  await projection.reached(last)
  expect(calls).toBeLessThan(40)
  const parked: number[] = []
  for await (const { evt } of projection.manage.parked()) parked.push(evt.seqNo)
  expect(parked).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
})

test('a batch that can’t grow, since its events are large, does not wait for more', async () => {
  const id = newId()
  const bytes = Buffer.from(JSON.stringify({ n: 1, text: 'x'.repeat(1_048_576) }))
  await note(bench.evtLog, id, 40, { bytes })
  const sizes: number[] = []
  const options = { maxEvts: 500, maxWaitMs: 600_000 }
  const handler = atLeastOnceGrouped<Noted>(bench.store, (evts) => void sizes.push(evts.length), options)
  const projection = await bench.start({ handler })
  await expect.poll(() => sizes.length, { timeout: 10_000 }).toBe(2)
  expect(sizes.every((size) => size >= 16 && size < 40)).toBe(true)
  await projection.stop()
})

test('the next batch is read while a handler works', async () => {
  await bench.note(newId(), 20)
  let read = 0
  let allRead = () => {}
  const reading = new Promise<void>((resolve) => (allRead = resolve))
  class ReadEvtLog extends MemoryEvtLog {
    override async *evtsByType(...args: Parameters<MemoryEvtLog['evtsByType']>): AsyncGenerator<PersistedEvt> {
      for await (const evt of super.evtsByType(...args)) {
        read += 1
        if (read === 20) allRead()
        yield evt
      }
    }
  }
  const begunAt: number[] = []
  const handle = async () => {
    begunAt.push(read)
    await reading
  }
  const handler = atLeastOnceGrouped<Noted>(bench.store, handle, { maxEvts: 10 })
  await bench.start({ evtLog: new ReadEvtLog({ storageOf: bench.evtLog }), handler })
  await expect.poll(() => begunAt).toEqual([10, 20])
})

test('no more is read ahead than a few batches, whatever the lag', async () => {
  let [read, handled, most] = [0, 0, 0]
  const id = newId()
  await bench.note(id, 5_000)
  class CountingEvtLog extends MemoryEvtLog {
    override async *evtsByType(...args: Parameters<MemoryEvtLog['evtsByType']>): AsyncGenerator<PersistedEvt> {
      for await (const evt of super.evtsByType(...args)) {
        read += 1
        most = Math.max(most, read - handled)
        yield evt
      }
    }
  }
  const evtLog = new CountingEvtLog({ storageOf: bench.evtLog })
  const handle = async () => {
    handled += 1
  }
  const projection = await bench.start({ evtLog, handle })
  await expect.poll(() => handled, { timeout: 20_000 }).toBe(5_000)
  expect(most).toBeLessThan(3_000)
  await projection.stop()
})
