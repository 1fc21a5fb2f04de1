import { afterEach, beforeEach, expect, test } from 'vitest'
import { RefusedError } from '../errors.js'
import { atLeastOnce } from './at-least-once.js'
import type { Delivery } from './delivery.js'
import { MemoryOffsetStore } from './memory-offset-store.js'
import type { Claimed, Committed, Move } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'
import { after, Bench, newId, type Noted } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

/** A store that can't take everything; as one may, it moves the slices of a commit that it can move. */
class NarrowStore extends MemoryOffsetStore {
  isTooLarge: (move: Move) => boolean = () => false
  isUnreadable: (slice: number) => boolean = () => false
  claims = 0

  override async commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    const large = moves.filter((move) => this.isTooLarge(move))
    const committed = await super.commit(
      key,
      moves.filter((move) => !large.includes(move)),
    )
    if (large.length > 0) throw new RefusedError('too-large', `${large.length} of ${moves.length} moves are too large`)
    return committed
  }

  override async claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    this.claims += 1
    if (this.isUnreadable(slice)) throw new RefusedError('bad-input', `slice ${slice} is not what this code writes`)
    return super.claim(key, slice, epoch)
  }
}

/** A handler for which the events of an entity are poison. */
function poisonedBy(id: string, store: NarrowStore): Delivery<Noted> {
  return atLeastOnce<Noted>(store, (evt) => {
    if (evt.key.id === id) throw new Error('poison')
    bench.seen.add(evt)
  })
}

function narrowStore(): NarrowStore {
  return new NarrowStore({ storageOf: bench.store })
}

const parks = (id: string) => (move: Move) => move.park.some(({ evt }) => evt.key.id === id)

async function countParked(projection: Awaited<ReturnType<Bench['start']>>): Promise<number> {
  let count = 0
  for await (const _ of projection.manage.parked()) count += 1
  return count
}

test('an event that the store can’t park stops its slice, by name; the others of the batch go on, parked ones too', async () => {
  const [huge, sick, other] = [newId(1), newId(2), newId(3)]
  const store = narrowStore()
  store.isTooLarge = parks(huge)
  let isHealed = false
  for (let round = 0; round < 3; round++) for (const id of [huge, sick, other]) await bench.note(id)
  const handler = atLeastOnce<Noted>(store, (evt) => {
    if (!isHealed && [huge, sick].includes(evt.key.id)) throw new Error('poison')
    bench.seen.add(evt)
  })
  const projection = await bench.start({ handler, onError: after(1, 'park') })
  await projection.reached(await bench.note(other))
  await expect.poll(() => countParked(projection)).toBe(3)
  await expect
    .poll(async () => (await projection.status()).slices[1])
    .toMatchObject({
      state: 'failed',
      lastError: { code: 'REFUSED', message: expect.stringContaining('too large'), stopped: true },
    })
  expect(new Set(bench.seen.of(other))).toEqual(new Set([1, 2, 3, 4]))
  isHealed = true
  await projection.manage.resume()
  await projection.reached(await bench.note(huge))
  expect(bench.seen.of(huge)).toEqual([1, 2, 3, 4])
})

test('a slice that can’t be claimed holds up no other, and comes back when it can', async () => {
  const [broken, other] = [newId(1), newId(2)]
  const store = narrowStore()
  store.isUnreadable = (slice) => slice === 1
  const projection = await bench.start({ handler: atLeastOnce<Noted>(store, (evt) => bench.seen.add(evt)) })
  const last = await bench.note(broken)
  for (let time = 0; time < 20; time++) await projection.reached(await bench.note(other))
  // Each of the others once, the broken one now and then.
  expect(store.claims).toBeLessThan(64 + 20)
  expect(bench.seen.of(broken)).toEqual([])
  store.isUnreadable = () => false
  await projection.reached(last)
  expect(bench.seen.of(broken)).toEqual([1])
})

test('that a parked event has failed again is noted as far as the store can keep it', async () => {
  const [sick, other] = [newId(1), newId(1)]
  const store = narrowStore()
  const handler = poisonedBy(sick, store)
  const projection = await bench.start({ handler, onError: after(1, 'park') })
  await bench.note(sick)
  await expect.poll(() => countParked(projection)).toBe(1)
  store.isTooLarge = parks(sick)
  await projection.manage.retryParked(sick)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  await projection.reached(await bench.note(other))
  expect(await countParked(projection)).toBe(1)
  expect((await projection.status()).state).toBe('running')
})

test('a request that the store refuses is given up, its slice stops and says so, and goes on when it is resumed', async () => {
  const [sick, other] = [newId(1), newId(1)]
  const store = narrowStore()
  const handler = poisonedBy(sick, store)
  const projection = await bench.start({ handler, onError: after(1, 'park') })
  await bench.note(sick)
  await expect.poll(() => countParked(projection)).toBe(1)
  store.isTooLarge = ({ unpark }) => unpark.length > 0
  await projection.manage.dropParked(sick)
  await expect.poll(async () => (await projection.status()).slices[1]?.state).toBe('failed')
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  await projection.manage.resume()
  await projection.reached(await bench.note(other))
  expect(await countParked(projection)).toBe(1)
})

test('however many events are parked, no move has more than the smallest store can take, and other slices go on meanwhile', async () => {
  const [sick, other] = [newId(1), newId(2)]
  const count = 2_100
  const store = narrowStore()
  store.isTooLarge = ({ park, unpark }) => park.length > 900 || unpark.length > 900
  await bench.note(sick, count)
  const handler = poisonedBy(sick, store)
  const projection = await bench.start({ handler, onError: after(1, 'park') })
  await projection.manage.caughtUp()
  expect(await countParked(projection)).toBe(count)
  await projection.manage.dropParked(sick)
  await projection.reached(await bench.note(other))
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  expect(await countParked(projection)).toBe(0)
  expect((await projection.status()).state).toBe('running')
})
