import { describe, expect, test } from 'vitest'
import { counter, fixture } from './counter.test.fixture.js'
import { Entities } from './entities.js'
import { Entity } from './entity.js'

const inc = { type: 'Inc', inc: 1 } as const
const get = { type: 'Get' } as const
const full = { mailboxSize: 2, mailboxFull: 'fail' } as const

describe('a place in a full mailbox', () => {
  test.each([
    ['signal', () => AbortSignal.timeout(5)],
    ['deadline', () => undefined],
  ])('is free at once when its command is withdrawn by its %s', async (_, signal) => {
    const { id, log: __, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, ...full })
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd(inc)
    await held.arrived
    const given = signal()
    const options = given === undefined ? { deadline: new Date(Date.now() + 5) } : { signal: given }
    const withdrawn = ref.handleCmd({ type: 'Inc', inc: 10 }, options)
    const waiting = [ref.handleCmd(inc)]
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    await expect(withdrawn).rejects.toMatchObject({ code: 'WITHDRAWN' })
    waiting.push(ref.handleCmd(inc))
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    held.release()
    expect(await Promise.all([first, ...waiting])).toMatchObject([{ reply: 1 }, { reply: 2 }, { reply: 3 }])
  })

  test('is free at once, too, while its entity is still on its way', async () => {
    const { id, log: _, ...rest } = fixture()
    const counters = new Entities(counter, { ...rest, ...full })
    const ref = counters.ref(id)
    const held = rest.evtLog.faults.hold('head')
    const controller = new AbortController()
    const withdrawn = [1, 2].map(() => ref.handleCmd(inc, { signal: controller.signal }))
    await held.arrived
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    controller.abort()
    for (const one of withdrawn) await expect(one).rejects.toMatchObject({ code: 'WITHDRAWN' })
    const waiting = [1, 2].map(() => ref.handleCmd(inc))
    held.release()
    expect(await Promise.all(waiting)).toMatchObject([{ reply: 1 }, { reply: 2 }])
  })

  test('is not taken by a caller who gave up before asking', async () => {
    const { id, log: _, ...rest } = fixture()
    const counters = new Entities(counter, { ...rest, ...full })
    const ref = counters.ref(id)
    const signal = AbortSignal.abort()
    const tooLate = async () => expect(ref.handleCmd(inc, { signal })).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await tooLate()
    expect(rest.evtLog.faults.count('head')).toBe(0)
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd(inc)
    await held.arrived
    for (let n = 0; n < 5; n++) await tooLate()
    const waiting = [1, 2].map(() => ref.handleCmd(inc))
    held.release()
    expect(await Promise.all([first, ...waiting])).toMatchObject([{ reply: 1 }, { reply: 2 }, { reply: 3 }])
  })

  test('is not freed twice, by a caller who gives up when its command is out of the mailbox', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, ...full })
    const held = [rest.evtLog.faults.hold('persist'), rest.evtLog.faults.hold('persist')]
    const controller = new AbortController()
    const first = ref.handleCmd(inc)
    await held[0]?.arrived
    const inFlight = ref.handleCmd(inc, { signal: controller.signal })
    held[0]?.release()
    await held[1]?.arrived
    const waiting = [1, 2].map(() => ref.handleCmd(inc))
    controller.abort()
    await expect(inFlight).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    held[1]?.release()
    expect(await Promise.all([first, ...waiting])).toMatchObject([{ reply: 1 }, { reply: 3 }, { reply: 4 }])
  })
})

test('20,000 commands that wait and are withdrawn one after another leave those between them in order', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, rest)
  const held = rest.evtLog.faults.hold('persist')
  const first = ref.handleCmd(inc)
  await held.arrived
  const kept: Promise<unknown>[] = []
  const controllers = Array.from({ length: 20_000 }, (__, n) => {
    const controller = new AbortController()
    ref.handleCmd(inc, { signal: controller.signal }).catch(() => undefined)
    if (n % 2_000 === 0) kept.push(ref.handleCmd(inc))
    return controller
  })
  for (const controller of controllers) controller.abort()
  held.release()
  await first
  expect(await Promise.all(kept)).toMatchObject(kept.map((__, n) => ({ reply: n + 2 })))
  expect(await ref.handleCmd(get)).toMatchObject({ reply: 11 })
})
