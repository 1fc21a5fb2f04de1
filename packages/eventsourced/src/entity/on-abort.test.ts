import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { counter, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'
import { onAbort } from './on-abort.js'

const inc = { type: 'Inc', inc: 1 } as const

test('commands that share a signal have one listener at it, and none once all are answered', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, rest)
  const { signal } = new AbortController()
  const held = rest.evtLog.faults.hold('persist')
  const all = Array.from({ length: 100 }, () => ref.handleCmd(inc, { signal }))
  await held.arrived
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  held.release()
  await Promise.all(all)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(await ref.handleCmd(inc, { signal })).toMatchObject({ reply: 101 })
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('all commands that share a signal are given up when it fires, each as what it is', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, rest)
  const controller = new AbortController()
  const held = rest.evtLog.faults.hold('persist')
  const inFlight = ref.handleCmd(inc, { signal: controller.signal })
  await held.arrived
  const waiting = [1, 2].map(() => ref.handleCmd(inc, { signal: controller.signal }))
  const other = ref.handleCmd(inc)
  controller.abort(new Error('never mind'))
  held.release()
  const given = await Promise.allSettled([inFlight, ...waiting])
  expect(given).toMatchObject(['UNCERTAIN', 'WITHDRAWN', 'WITHDRAWN'].map((code) => ({ reason: { code } })))
  expect(await other).toMatchObject({ reply: 2 })
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

test('100,000 who share a signal cost each other nothing', () => {
  const controller = new AbortController()
  let called = 0
  const ends = Array.from({ length: 100_000 }, (_, n) =>
    onAbort(controller.signal, () => {
      called += 1
      ends[n]?.()
    }),
  )
  for (let n = 0; n < 50_000; n++) ends[n]?.()
  controller.abort()
  expect(called).toBe(50_000)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})
