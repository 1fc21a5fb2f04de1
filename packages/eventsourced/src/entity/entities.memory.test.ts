import { expect, test } from 'vitest'
import { heapGrowth, heapOfLive } from './heap.test.helper.js'

// In a file of its own, since it looks at the heap of the whole process. entities.memory.chaos.test.ts asks for the numbers in full.

test('20,000 live counters take at most 80 MB of heap, with what their log keeps of them there', async () => {
  expect(await heapOfLive(20_000)).toBeLessThan(80e6)
})

test('50,000 ids that pass through a bound of 1,000 live counters leave nothing on the heap', async () => {
  // 40 bytes an id: a single reference that is left with each would show.
  expect(await heapGrowth({ ids: 50_000, bound: 1_000 })).toBeLessThan(2e6)
})
