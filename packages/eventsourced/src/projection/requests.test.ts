import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../errors.js'
import { FaultyOffsetStore } from '../testing/faulty-offset-store.js'
import { atLeastOnce } from './at-least-once.js'
import { ManagedProjection } from './managed-projection.js'
import type { Committed, Move } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'
import { after, Bench, newId, type Noted } from './projection.test.fixture.js'
import type { RunningProjection } from './projection.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

/** A store that hears of what is asked by looking now and then, and that can hold up what it is to write. */
class UnwatchedStore extends FaultyOffsetStore {
  goesOn: Promise<void> = Promise.resolve()

  override watch(): { readonly stop: () => void } {
    return { stop: () => undefined }
  }

  override async commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    await this.goesOn
    return super.commit(key, moves)
  }
}

/** Takes part on a store of its own. */
async function start(): Promise<{ readonly store: UnwatchedStore; readonly projection: RunningProjection }> {
  const store = new UnwatchedStore(bench.store)
  const handler = atLeastOnce<Noted>(store, (evt) => bench.seen.add(evt))
  return { store, projection: await bench.start({ handler }) }
}

async function allDone(projection: RunningProjection): Promise<void> {
  await expect.poll(async () => (await projection.status()).requests, { timeout: 10_000 }).toEqual([])
}

test('what a process has heard of before another one carried it out is not carried out again', async () => {
  const first = await start()
  const members = async () => (await first.projection.status()).members
  await expect.poll(members).toHaveLength(1)
  const [owner = ''] = await members()
  const second = await start()
  const shares = async () => {
    const { slices } = await first.projection.status()
    return slices.filter((slice) => slice.owner === owner)
  }
  await expect.poll(async () => (await shares()).length).toBe(32)
  const id = newId((await shares())[0]?.slice)
  await first.projection.reached(await bench.note(id, 2))

  let goOn = () => {}
  first.store.goesOn = new Promise((resolve) => (goOn = resolve))
  try {
    await first.projection.manage.reset(0)
    const left = async () => (await first.projection.status()).requests.length
    await expect.poll(left, { timeout: 5_000 }).toBe(32)
    // The second one has done its part, and hears of what the first has still to do, for the last time in this second.
    const looks = second.store.faults.count('entry')
    await expect.poll(() => second.store.faults.count('entry'), { timeout: 5_000 }).toBeGreaterThan(looks)
  } finally {
    goOn()
  }
  await allDone(first.projection)
  await first.projection.manage.dropParked(id)
  await allDone(first.projection)
  await expect.poll(() => bench.seen.of(id)).toEqual([1, 2, 1, 2])
  await first.projection.stop()
  await second.projection.reached(await bench.note(id))
  expect(bench.seen.of(id)).toEqual([1, 2, 1, 2, 3])
})

test('a process that comes back after its projection was removed does not begin it anew', async () => {
  const { store, projection } = await start()
  const id = newId()
  await projection.reached(await bench.note(id, 3))
  const cutOff = new UnavailableError('the process is cut off')
  for (const faults of [store.faults, store.leases.faults]) faults.cutOff(cutOff)
  const managed = new ManagedProjection(projection.key, { offsetStore: bench.store, evtLog: bench.evtLog })
  await expect.poll(async () => (await managed.status()).members, { timeout: 5_000 }).toEqual([])
  await managed.remove()
  const joins = store.leases.faults.count('join')
  const claims = store.faults.count('claim')
  for (const faults of [store.faults, store.leases.faults]) faults.clear()
  await expect.poll(() => store.leases.faults.count('join'), { timeout: 5_000 }).toBeGreaterThan(joins)
  await expect.poll(async () => (await bench.store.leases.view('notes-v1')).members, { timeout: 5_000 }).toEqual([])
  expect(store.faults.count('claim')).toBe(claims)
  expect(await bench.store.slices(projection.key)).toEqual([])
  expect(bench.seen.of(id)).toEqual([1, 2, 3])
})

test('while all is paused parked events are not retried, though they can be dropped; resumed, they are', async () => {
  const [sick, other] = [newId(1), newId(2)]
  let isHealed = false
  const projection = await bench.start({
    onError: after(1, 'park'),
    handle: (evt) => {
      if (!isHealed) throw new Error('poison')
      bench.seen.add(evt)
    },
  })
  await expect(projection.reached(await bench.note(sick))).rejects.toMatchObject({ code: 'PARKED' })
  await expect(projection.reached(await bench.note(other))).rejects.toMatchObject({ code: 'PARKED' })
  isHealed = true
  await projection.manage.pause()
  await projection.manage.retryParked(sick)
  await projection.manage.dropParked(other)
  await expect.poll(async () => (await projection.status()).requests.map(({ kind }) => kind)).toEqual(['retry'])
  expect(bench.seen.count).toBe(0)
  await projection.manage.resume()
  await allDone(projection)
  expect(bench.seen.of(sick)).toEqual([1])
  await projection.reached(await bench.note(other))
  expect(bench.seen.of(other)).toEqual([2])
})

test('no more requests wait than an entry can hold; once there is room they are taken again', async () => {
  const projection = await bench.start()
  await projection.manage.pause()
  for (let count = 0; count < 1_000; count++) await projection.manage.retryParked(newId())
  let isAccepted = false
  const late = projection.manage.retryParked(newId()).then(() => (isAccepted = true))
  expect((await projection.status()).requests).toHaveLength(1_000)
  expect(isAccepted).toBe(false)
  await projection.manage.resume()
  await late
  await allDone(projection)
})

test('a slice that is resumed again and again has it asked of it once', async () => {
  const projection = await bench.start({
    onError: after(1, 'stop'),
    handle: () => {
      throw new Error('poison')
    },
  })
  await bench.note(newId(1))
  await expect.poll(async () => (await projection.status()).state).toBe('failed')
  await projection.stop()
  for (let time = 0; time < 3; time++) await projection.manage.resume()
  expect((await projection.status()).requests).toMatchObject([{ kind: 'resume', slice: 1 }])
})

test('who waits for a projection that is stopped here is told so at once, and so is who comes later', async () => {
  const projection = await bench.start()
  const stored = await bench.note(newId())
  const waiting = projection.reached({ ...stored, position: 99 }).catch((error: unknown) => error)
  await projection.reached(stored)
  await projection.stop()
  expect(await waiting).toMatchObject({ code: 'REFUSED', reason: 'closed' })
  await expect(projection.reached(stored)).rejects.toMatchObject({ code: 'REFUSED', reason: 'closed' })
})
