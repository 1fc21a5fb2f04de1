import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { atLeastOnceGrouped } from './at-least-once.js'
import type { ProjectedEvt } from './delivery.js'
import type { ParkedEvt } from './offset-store.js'
import { type FailedEvt, retry } from './on-error.js'
import { after, Bench, newId, note, type Noted, TYPE } from './projection.test.fixture.js'
import type { RunningProjection } from './projection.js'

const quick = { min: 1, max: 2 }
let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

/** A handler that fails on some events for as long as they are listed. */
function failingOn(poison: Set<string>): (evt: ProjectedEvt<Noted>) => void {
  return (evt) => {
    if (poison.has(`${evt.key.id} ${evt.seqNo}`)) throw new Error(`no ${evt.seqNo}`)
    bench.seen.add(evt)
  }
}

async function parkedOf(projection: RunningProjection): Promise<readonly ParkedEvt[]> {
  const list: ParkedEvt[] = []
  for await (const one of projection.manage.parked()) list.push(one)
  return list
}

const seqNosOf = (parked: readonly ParkedEvt[]) => parked.map(({ evt }) => evt.seqNo)

test('an event that fails a few times is handled in the end, once, and nothing overtakes it', async () => {
  const id = newId()
  let failures = 3
  const projection = await bench.start({
    handle: (evt) => {
      if (evt.seqNo === 2 && failures-- > 0) throw new Error('not yet')
      bench.seen.add(evt)
    },
    onError: retry(quick),
  })
  await projection.reached(await bench.note(id, 5))
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 5])
})

test('while an event is tried again, also for long, the other slices go on', async () => {
  const [slow, other] = [newId(1), newId(2)]
  let isHealed = false
  const projection = await bench.start({
    handle: (evt) => {
      if (evt.key.id === slow && !isHealed) throw new Error('not yet')
      bench.seen.add(evt)
    },
    onError: retry({ min: 50, max: 50, attempts: Infinity }),
  })
  // More than are kept for a slice that waits: the rest is read again.
  const last = await bench.note(slow, 300)
  await projection.reached(await bench.note(other, 300))
  expect(bench.seen.of(slow)).toEqual([])
  expect((await projection.status()).slices[1]).toMatchObject({
    state: 'retrying',
    lastError: { attempts: expect.any(Number) },
  })
  isHealed = true
  await projection.reached(last)
  expect(bench.seen.of(slow)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
  expect(bench.seen.of(other)).toHaveLength(300)
  expect(await projection.status()).toMatchObject({ state: 'running', lastError: undefined })
})

test('a poison event is parked, with those of its entity behind it; all others are handled', async () => {
  const [sick, neighbour, other] = [newId(1), newId(1), newId(2)]
  const poison = new Set([`${sick} 2`])
  for (let round = 0; round < 3; round++) for (const id of [sick, neighbour, other]) await bench.note(id)
  const projection = await bench.start({
    handle: failingOn(poison),
    onError: after(3, 'park'),
  })
  for (const id of [neighbour, other]) await projection.reached(await bench.note(id))
  const last = await bench.note(sick)
  await expect(projection.reached(last)).rejects.toMatchObject({ code: 'PARKED' })
  expect(bench.seen.of(sick)).toEqual([1])
  for (const id of [neighbour, other]) expect(bench.seen.of(id)).toEqual([1, 2, 3, 4])
  const parked = await parkedOf(projection)
  expect(seqNosOf(parked)).toEqual([2, 3, 4])
  expect(parked.map(({ failure }) => failure?.attempts)).toEqual([3, undefined, undefined])
  expect(parked[0]?.failure?.message).toContain('no 2')
})

test('parked events are handled in order when they are retried, and then the entity goes on', async () => {
  const id = newId()
  const poison = new Set([`${id} 2`])
  const options = { handle: failingOn(poison), onError: after(1, 'park') }
  const projection = await bench.start(options)
  const last = await bench.note(id, 4)
  await expect(projection.reached(last)).rejects.toMatchObject({ code: 'PARKED' })
  await projection.manage.retryParked(id)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  expect(seqNosOf(await parkedOf(projection))).toEqual([2, 3, 4])
  poison.clear()
  await projection.manage.retryParked(id)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  await projection.reached(await bench.note(id))
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 5])
  expect(await parkedOf(projection)).toEqual([])
})

test('a parked event is dropped for good, and what is behind it waits to be retried', async () => {
  const id = newId()
  const options = { handle: failingOn(new Set([`${id} 2`])), onError: after(1, 'park') }
  const projection = await bench.start(options)
  const last = await bench.note(id, 3)
  await expect(projection.reached(last)).rejects.toMatchObject({ code: 'PARKED' })
  await projection.manage.dropParked(id, { seqNo: 2 })
  await projection.manage.retryParked(id)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  await projection.reached(await bench.note(id))
  expect(bench.seen.of(id)).toEqual([1, 3, 4])
})

test('of what a handler has to say no more is kept than a store can take', async () => {
  const projection = await bench.start({
    onError: after(1, 'park'),
    handle: () => {
      throw new Error('no'.repeat(1_000_000))
    },
  })
  const { key } = await bench.note(newId())
  await expect.poll(async () => (await parkedOf(projection))[0]?.failure?.message.length).toBeLessThan(10_000)
  expect((await parkedOf(projection))[0]?.evt.key).toEqual(key)
})

test('an event is skipped where that is asked for', async () => {
  const id = newId()
  const options = { handle: failingOn(new Set([`${id} 2`])), onError: after(2, 'skip') }
  const projection = await bench.start(options)
  await projection.reached(await bench.note(id, 3))
  expect(bench.seen.of(id)).toEqual([1, 3])
})

test('a slice stops at an event that can not be handled, says why, and goes on when it is resumed', async () => {
  const [sick, other] = [newId(1), newId(2)]
  const poison = new Set([`${sick} 2`])
  const projection = await bench.start({ handle: failingOn(poison), onError: retry({ attempts: 1 }) })
  const last = await bench.note(sick, 3)
  await projection.reached(await bench.note(other, 3))
  const deadline = new Date(Date.now() + 100)
  await expect(projection.reached(last, { deadline })).rejects.toMatchObject({ code: 'NOT_REACHED' })
  const status = await projection.status()
  expect(status).toMatchObject({ state: 'failed', lastError: { code: 'PROJECTION_HANDLER_FAILED', stopped: true } })
  expect(status.slices[1]).toMatchObject({ state: 'failed', lag: { positions: 5 } })
  poison.clear()
  await projection.manage.resume()
  await projection.reached(last)
  expect(bench.seen.of(sick)).toEqual([1, 2, 3])
})

test.for([{ version: 2 }, { type: 'Renamed' }])(
  'an event that is newer than this code (%j) stops its slice, whatever is said of errors',
  async (over) => {
    const [modern, other] = [newId(1), newId(2)]
    const projection = await bench.start({ onError: () => ({ kind: 'skip' }) })
    await bench.note(modern)
    await note(bench.evtLog, modern, 1, over)
    await projection.reached(await bench.note(other, 2))
    await expect.poll(async () => (await projection.status()).slices[1]?.state).toBe('failed')
    expect((await projection.status()).lastError?.code).toMatch(/EVT_TOO_NEW|UNKNOWN_EVT_TYPE/)
    expect(bench.seen.of(modern)).toEqual([1])
  },
)

test.for(['in the same batch', 'later'])(
  'an event that is newer than this code is not parked behind a parked one of its entity, be it there %s',
  async (when) => {
    const [poisoned, other] = [newId(1), newId(2)]
    const tooNew = () => note(bench.evtLog, poisoned, 1, { version: 2 })
    await bench.note(poisoned, 2)
    if (when !== 'later') await tooNew()
    const projection = await bench.start({
      onError: () => ({ kind: 'park' }),
      handle: (evt) => {
        if (evt.key.id === poisoned) throw new Error('poison')
        bench.seen.add(evt)
      },
    })
    await expect.poll(async () => (await parkedOf(projection)).length).toBe(2)
    if (when === 'later') await tooNew()
    await expect.poll(async () => (await projection.status()).slices[1]?.state).toBe('failed')
    expect(await parkedOf(projection)).toHaveLength(2)
    await projection.reached(await bench.note(other, 2))
  },
)

test('a handler that hangs is given up in time, its event is tried again, the others go on', async () => {
  const [stuck, other] = [newId(1), newId(2)]
  let hangs = 2
  const given: AbortSignal[] = []
  const projection = await bench.start({
    handlerTimeoutMs: 50,
    onError: retry(quick),
    handle: async (evt, { signal }) => {
      if (evt.key.id === stuck && hangs-- > 0) {
        given.push(signal)
        await sleep(60_000, undefined, { signal, ref: false })
      }
      bench.seen.add(evt)
    },
  })
  const last = await bench.note(stuck, 2)
  await projection.reached(await bench.note(other, 2))
  await projection.reached(last)
  expect(bench.seen.of(stuck)).toEqual([1, 2])
  expect(given).toHaveLength(2)
  expect(given.every(({ aborted }) => aborted)).toBe(true)
})

test('a batch with poison in it falls apart until the poison is alone; the rest is handled, in order', async () => {
  const ids = Array.from({ length: 10 }, () => newId())
  const poison = new Set([`${ids[3]} 4`, `${ids[7]} 1`])
  for (let round = 0; round < 6; round++) for (const id of ids) await bench.note(id)
  const handler = atLeastOnceGrouped<Noted>(bench.store, (evts) => {
    if (evts.some(({ key, seqNo }) => poison.has(`${key.id} ${seqNo}`))) throw new Error('one of them')
    for (const evt of evts) bench.seen.add(evt)
  })
  const projection = await bench.start({ handler, onError: after(2, 'park') })
  await projection.manage.caughtUp()
  for (const [index, id] of ids.entries()) {
    const expected = index === 3 ? [1, 2, 3] : index === 7 ? [] : [1, 2, 3, 4, 5, 6]
    expect(bench.seen.of(id)).toEqual(expected)
  }
  expect((await parkedOf(projection)).length).toBe(3 + 6)
})

test('what a handler does to the events that it is given is gone when they are tried again', async () => {
  const [first, second] = [newId(1), newId(2)]
  await bench.note(first)
  await bench.note(second)
  let failures = 1
  const handler = atLeastOnceGrouped<Noted>(bench.store, (evts) => {
    for (const { evt } of evts) Object.assign(evt, { n: evt.n * 2 })
    if (evts.some(({ key }) => key.id === second) && failures-- > 0) throw new Error('no')
    for (const evt of evts) bench.seen.add(evt)
  })
  const projection = await bench.start({ handler, onError: retry(quick) })
  await projection.manage.caughtUp()
  expect([bench.seen.of(first), bench.seen.of(second)]).toEqual([[2], [2]])
})

test('of an event that can not be decoded its judge is told so, and how often that was tried', async () => {
  const [broken, other] = [newId(), newId()]
  await note(bench.evtLog, broken, 1, { bytes: Buffer.from('?') })
  const told: FailedEvt[] = []
  const projection = await bench.start({
    onError: (failed) => {
      told.push(failed)
      return failed.attempts < 3 ? { kind: 'again', afterMs: 1 } : { kind: 'park' }
    },
  })
  await expect.poll(async () => (await parkedOf(projection)).length).toBe(1)
  expect(told).toMatchObject([1, 2, 3].map((attempts) => ({ attempts, isUndecodable: true })))
  expect((await parkedOf(projection))[0]?.failure).toMatchObject({ attempts: 3 })
  await projection.reached(await bench.note(other))
  expect(retry({ attempts: Infinity })({ error: new Error('no'), attempts: 1, isUndecodable: true })).toEqual({
    kind: 'stop',
  })
})

test("the library's own events are passed over, and the mark of a forgotten entity takes what is parked of it", async () => {
  const id = newId()
  const poison = new Set([`${id} 1`])
  const options = { handle: failingOn(poison), onError: after(1, 'park') }
  const projection = await bench.start(options)
  await bench.note(id, 2)
  await expect.poll(async () => seqNosOf(await parkedOf(projection))).toEqual([1, 2])
  await note(bench.evtLog, id, 1, { type: 'es-forgotten' })
  await projection.reached(await bench.note(id, 2))
  expect(await parkedOf(projection)).toEqual([])
  expect(bench.seen.of(id)).toEqual([4, 5])
  expect(await bench.store.position(TYPE, 0)).toBeGreaterThanOrEqual(0)
})
