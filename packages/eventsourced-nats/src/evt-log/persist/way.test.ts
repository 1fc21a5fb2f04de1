import { pino } from 'pino'
import { expect, test } from 'vitest'
import { type Batching, Way } from './way.js'

/** A server at which 1,000 appends are always under way: each way takes so long for one of them, in milliseconds. */
function setting(costs: { single: number; shared: number }, batching: Batching = 'auto', underWay = 1_000) {
  let now = 0
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const way = new Way(batching, logger, () => now)
  const sent: number[] = Array.from({ length: underWay }, () => 0)
  let oldest = 0
  /** Lets some time pass, and tells which part of the appends was stored in shared batches. */
  const pass = (ms: number) => {
    const end = now + ms
    const count = { single: 0, shared: 0 }
    while (now < end) {
      const kind = way.sharesBatch(underWay) ? 'shared' : 'single'
      now += costs[kind]
      count[kind]++
      way.took(sent[oldest] ?? 0, underWay)
      sent[oldest] = now
      oldest = (oldest + 1) % underWay
    }
    return count.shared / (count.single + count.shared)
  }
  return { way, costs, pass, lines }
}

test('single events go each by themselves as long as the server answers quickly', () => {
  const { pass } = setting({ single: 0.02, shared: 0.01 })
  expect(pass(5_000)).toBe(0)
})

test('they share batches soon after answers became slow, and no more soon after they are quick, and each change is logged', () => {
  const { costs, pass, lines } = setting({ single: 0.02, shared: 0.05 })
  pass(1_000)
  expect(lines).toEqual([])
  costs.single = 0.3
  pass(2_000)
  expect(pass(5_000)).toBeGreaterThan(0.9)
  expect(lines).toEqual([expect.stringContaining('in batches that they share from now on')])
  costs.single = 0.02
  pass(12_000)
  expect(pass(5_000)).toBe(0)
  expect(lines.slice(1)).toEqual([expect.stringContaining('each by itself from now on')])
})

test('where batches are no quicker than slow single publishes they are given up, and tried ever less often', () => {
  const { pass } = setting({ single: 0.3, shared: 0.6 })
  pass(60_000)
  expect(pass(60_000)).toBeLessThan(0.02)
})

test('batches that become slower than single publishes were are left at once', () => {
  const { costs, pass } = setting({ single: 0.3, shared: 0.05 })
  pass(5_000)
  costs.shared = 1
  pass(10_000)
  expect(pass(60_000)).toBeLessThan(0.02)
})

test('few never share a batch, however slow the answers are', () => {
  const few = setting({ single: 10, shared: 0.1 }, 'auto', 64)
  expect(few.pass(20_000)).toBe(0)
  const { way, pass } = setting({ single: 0.3, shared: 0.05 })
  pass(5_000)
  expect(way.sharesBatch(64)).toBe(false)
  expect(way.sharesBatch(65)).toBe(true)
})

test('the option fixes the way', () => {
  const never = setting({ single: 0.3, shared: 0.05 }, 'never')
  expect(never.pass(5_000)).toBe(0)
  const always = setting({ single: 0.02, shared: 0.05 }, 'always')
  expect(always.pass(5_000)).toBe(1)
  expect(always.way.sharesBatch(2)).toBe(false)
})
