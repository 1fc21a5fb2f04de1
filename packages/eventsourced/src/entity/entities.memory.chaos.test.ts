import { expect, test } from 'vitest'
import { heapGrowth, heapOfLive } from './heap.test.helper.js'

test('100,000 live counters take at most 400 MB of heap, with what their log keeps of them there', async () => {
  expect(await heapOfLive(100_000)).toBeLessThan(400e6)
}, 120_000)

test('1,000,000 ids that pass through a bound of 10,000 live counters leave nothing on the heap', async () => {
  // 4 bytes an id: less than a reference.
  expect(await heapGrowth({ ids: 1_000_000, bound: 10_000 })).toBeLessThan(4e6)
}, 300_000)
