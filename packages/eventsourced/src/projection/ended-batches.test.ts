import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FaultyLeaseStore } from '../testing/faulty-lease-store.js'
import type { Applied } from '../testing/projection-scenario/subject.js'
import { atLeastOnce } from './at-least-once.js'
import type { Delivery } from './delivery.js'
import { MemoryOffsetStore } from './memory-offset-store.js'
import { deliverExactlyOnce } from './memory-subject.test.fixture.js'
import { after, Bench, newId, type Noted } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** A handler that stands still at an event until it is let on. */
function standingStillAt(id: string, seqNo: number, store = bench.store) {
  let [arrive, goOn] = [() => {}, () => {}]
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  const handler = atLeastOnce<Noted>(store, async (evt) => {
    if (evt.key.id === id && evt.seqNo === seqNo) {
      arrive()
      await mayGoOn
    }
    bench.seen.add(evt)
  })
  return { handler, arrived, goOn: () => goOn() }
}

test('who stops ends the batch behind the event in hand, keeps what is handled, and no event comes again', async () => {
  const id = newId()
  await bench.note(id, 50)
  const { handler, arrived, goOn } = standingStillAt(id, 3)
  const first = await bench.start({ handler })
  await arrived
  const stopped = first.stop()
  goOn()
  await stopped
  expect(bench.seen.of(id)).toEqual([1, 2, 3])
  const second = await bench.start()
  await second.manage.caughtUp()
  expect(bench.seen.of(id)).toEqual(upTo(50))
})

test('paused, the batch ends behind the event in hand, and only then does the status say so', async () => {
  const id = newId()
  await bench.note(id, 50)
  const { handler, arrived, goOn } = standingStillAt(id, 3)
  const projection = await bench.start({ handler })
  await arrived
  await projection.manage.pause()
  const another = await bench.start()
  await expect.poll(async () => (await projection.status()).members).toHaveLength(2)
  expect((await projection.status()).state).toBe('running')
  goOn()
  await expect.poll(async () => (await projection.status()).state, { timeout: 5_000 }).toBe('paused')
  expect(bench.seen.of(id)).toEqual([1, 2, 3])
  await projection.manage.resume()
  await another.manage.caughtUp()
  expect(bench.seen.of(id)).toEqual(upTo(50))
})

test('who is to hand slices over ends the batch behind the event in hand, and goes on with the others', async () => {
  const ids = Array.from({ length: 64 }, (_, slice) => newId(slice))
  for (const id of ids) await bench.note(id)
  const leases = new FaultyLeaseStore(bench.store.leases)
  const store = new MemoryOffsetStore({ storageOf: bench.store, leases })
  const { handler, arrived, goOn } = standingStillAt(ids[0] ?? '', 1, store)
  const first = await bench.start({ handler })
  await arrived
  const handled: string[] = []
  const second = await bench.start({ handle: ({ key }) => void handled.push(key.id) })
  await expect.poll(async () => (await first.status()).members).toHaveLength(2)
  // Its heart has beaten since: it knows of the other, and wants to hand some over.
  const renewals = leases.faults.count('renew')
  await expect.poll(() => leases.faults.count('renew')).toBeGreaterThan(renewals + 3)
  goOn()
  await second.manage.caughtUp()
  expect([...handled, ...bench.seen.byId.keys()].toSorted()).toEqual(ids.toSorted())
  expect(handled.length).toBeGreaterThan(0)
})

test('what is handled one by one for long is kept now and then', async () => {
  const id = newId(7)
  await bench.note(id, 40)
  const moved: number[] = []
  const projection = await bench.start({
    handle: async (evt) => {
      await sleep(20)
      const [record] = await bench.store.slices({ name: 'notes', version: 1 }, [7])
      moved.push(record?.offset.position ?? 0)
      bench.seen.add(evt)
    },
  })
  await projection.manage.caughtUp()
  expect(bench.seen.of(id)).toEqual(upTo(40))
  expect(moved.at(-1)).toBeGreaterThan(10)
  expect(moved[15]).toBe(0)
})

test('nothing is decided on that comes after what is left for later', async () => {
  const id = newId()
  await bench.note(id, 30)
  const applied: Applied[] = []
  let failures = 0
  const before = async ({ seqNo }: { readonly seqNo: number }) => {
    if (failures > 0) await sleep(40)
    if (seqNo !== 20) return
    failures += 1
    throw new Error('poison')
  }
  const projection = await bench.start({
    handler: deliverExactlyOnce(bench.store, before, applied),
    onError: after(2, 'skip'),
  })
  await projection.manage.caughtUp()
  expect(applied.map(({ seqNo }) => seqNo)).toEqual(upTo(30).filter((seqNo) => seqNo !== 20))
})

test('a delivery that wants to know the moves before handles all events', async () => {
  const id = newId()
  await bench.note(id, 50)
  const { handler, arrived, goOn } = standingStillAt(id, 3)
  const eager: Delivery<Noted> = {
    ...handler,
    deliver: (batch) => {
      const moves = batch.moves()
      return handler.deliver({ ...batch, moves: () => moves })
    },
  }
  const first = await bench.start({ handler: eager })
  await arrived
  const stopped = first.stop()
  goOn()
  await stopped
  expect(bench.seen.of(id)).toEqual(upTo(50))
})
