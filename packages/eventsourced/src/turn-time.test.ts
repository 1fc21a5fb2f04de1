import { expect, onTestFinished, test, vi } from 'vitest'
import { turnTime } from './turn-time.js'

test('the time is that of the turn, and goes on with the next', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  vi.setSystemTime(1_000)
  await Promise.resolve()
  expect(turnTime()).toBe(1_000)
  vi.setSystemTime(2_000)
  expect(turnTime()).toBe(1_000)
  await Promise.resolve()
  expect(turnTime()).toBe(2_000)
})
