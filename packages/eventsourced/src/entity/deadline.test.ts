import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { counter, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

const DAY = 24 * 60 * 60 * 1_000
const inc = { type: 'Inc', inc: 1 } as const

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

// A timer of the platform waits for 24.8 days at most.
test.each([1, 24, 25, 60, 365])(
  'a command that still waits on its deadline in %i days is withdrawn then',
  async (days) => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd(inc)
    await held.arrived
    let ended: unknown
    ref.handleCmd(inc, { deadline: new Date(Date.now() + days * DAY) }).catch((error: unknown) => {
      ended = error
    })
    await vi.advanceTimersByTimeAsync(days * DAY - 1)
    expect(ended).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(ended).toMatchObject({ code: 'WITHDRAWN' })
    held.release()
    expect(await first).toMatchObject({ reply: 1 })
  },
)

test('a command that is answered leaves no timer for its far deadline', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, rest)
  await ref.handleCmd(inc, { deadline: new Date(Date.now() + 365 * DAY) })
  expect(vi.getTimerCount()).toBe(0)
})
