import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, newId } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

test('events that were stored before, and those that come, are handled once each, in order per entity', async () => {
  const ids = Array.from({ length: 20 }, () => newId())
  for (const id of ids) await bench.note(id, 5)
  const projection = await bench.start()
  for (const id of ids) await bench.note(id, 5)
  for (const id of ids) await projection.reached(await bench.note(id))
  for (const id of ids) expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test('a projection goes on where it has stopped', async () => {
  const id = newId()
  const first = await bench.start()
  await first.reached(await bench.note(id, 3))
  await first.stop()
  const last = await bench.note(id, 2)
  const second = await bench.start()
  await second.reached(last)
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 5])
})

test('two processes share the slices, and one that leaves hands its own over at once', async () => {
  const first = await bench.start()
  const second = await bench.start()
  const owners = async () => {
    const { slices } = await first.status()
    return slices.map(({ owner }) => owner)
  }
  await expect.poll(async () => counts(await owners()), { timeout: 10_000 }).toEqual([32, 32])
  await second.stop()
  await expect.poll(async () => counts(await owners()), { timeout: 10_000 }).toEqual([64])
  await first.reached(await bench.note(newId()))
})

function counts(owners: readonly (string | undefined)[]): readonly number[] {
  const byOwner = new Map<string, number>()
  for (const owner of owners) if (owner !== undefined) byOwner.set(owner, (byOwner.get(owner) ?? 0) + 1)
  return [...byOwner.values()].sort((left, right) => left - right)
}
