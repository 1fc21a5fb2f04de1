import { expect, test } from 'vitest'
import { Way } from './way.js'

const QUICK_MS = 10
const SLOW_MS = 200

function takes(way: Way, ms: number, underWay = 1_000): void {
  for (let sample = 0; sample < 256; sample++) way.took(ms, underWay)
}

test('single events share batches once answers are slow for the number that wait, and no more once they are quick', () => {
  const way = new Way('auto', undefined)
  expect(way.sharesBatch(1_000)).toBe(false)
  takes(way, QUICK_MS)
  expect(way.sharesBatch(1_000)).toBe(false)
  takes(way, SLOW_MS)
  expect(way.sharesBatch(1_000)).toBe(true)
  takes(way, QUICK_MS)
  expect(way.sharesBatch(1_000)).toBe(false)
})

test('few never share a batch, however slow the answers are', () => {
  const way = new Way('auto', undefined)
  takes(way, SLOW_MS, 64)
  expect(way.sharesBatch(65)).toBe(false)
  takes(way, SLOW_MS)
  expect(way.sharesBatch(64)).toBe(false)
  expect(way.sharesBatch(65)).toBe(true)
})

test('the option fixes the way', () => {
  const never = new Way('never', undefined)
  takes(never, SLOW_MS)
  expect(never.sharesBatch(1_000)).toBe(false)
  const always = new Way('always', undefined)
  takes(always, QUICK_MS)
  expect(always.sharesBatch(1_000)).toBe(true)
  expect(always.sharesBatch(2)).toBe(false)
})
