import { afterEach, beforeEach, expect, test } from 'vitest'
import { atLeastOnce } from './at-least-once.js'
import { after, Bench, newId, note, Seen, TYPE } from './projection.test.fixture.js'
import { Projections } from './projections.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

const soon = (ms: number) => ({ deadline: new Date(Date.now() + ms) })

test('paused, nothing is handled, also by who starts then; resumed, all goes on', async () => {
  const id = newId()
  const projection = await bench.start()
  await projection.reached(await bench.note(id))
  await projection.manage.pause()
  await expect.poll(async () => (await projection.status()).state).toBe('paused')
  await projection.stop()
  const again = await bench.start()
  const last = await bench.note(id)
  await expect(again.reached(last, soon(200))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  expect(bench.seen.of(id)).toEqual([1])
  await again.manage.resume()
  await again.reached(last)
  expect(bench.seen.of(id)).toEqual([1, 2])
})

test('stopped, all processes let go of their slices; resumed, they come back', async () => {
  const projection = await bench.start()
  await projection.reached(await bench.note(newId()))
  await projection.manage.stop()
  await expect.poll(async () => (await projection.status()).members).toEqual([])
  expect((await projection.status()).state).toBe('stopped')
  await projection.manage.resume()
  await projection.reached(await bench.note(newId()))
  expect((await projection.status()).members).toHaveLength(1)
})

test('reset to a position, everything behind it is handled again, what is parked there too', async () => {
  const [id, sick] = [newId(), newId()]
  let isSick = true
  const projection = await bench.start({
    onError: after(1, 'park'),
    handle: (evt) => {
      if (isSick && evt.key.id === sick) throw new Error('no')
      bench.seen.add(evt)
    },
  })
  const second = await bench.note(id, 2)
  await bench.note(sick, 2)
  await projection.reached(await bench.note(id, 2))
  isSick = false
  await projection.manage.reset(second.position)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  await projection.reached(await bench.note(sick))
  await projection.reached(await bench.note(id))
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 3, 4, 5])
  expect(bench.seen.of(sick)).toEqual([1, 2, 3])
  await expect(projection.manage.reset(1_000)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('what was handled before a reset was asked for is not reached before it is handled again', async () => {
  const id = newId()
  const projection = await bench.start()
  const stored = await bench.note(id)
  await projection.reached(stored)
  await projection.manage.stop()
  await expect.poll(async () => (await projection.status()).members).toEqual([])
  await projection.manage.reset(0)
  await expect(projection.reached(stored, soon(100))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  await projection.manage.resume()
  await projection.reached(stored)
  expect(bench.seen.of(id)).toEqual([1, 1])
})

test('a second version is built beside the first, serves once it is promoted, and then the first is removed', async () => {
  const ids = Array.from({ length: 10 }, () => newId())
  const first = await bench.start()
  for (const id of ids) await first.reached(await bench.note(id, 10))
  const rebuilt = new Seen()
  const second = await bench.start({ version: 2, handler: atLeastOnce(bench.store, (evt) => rebuilt.add(evt)) })
  const projections = new Projections({ offsetStore: bench.store, evtLog: bench.evtLog })
  expect(await projections.serving('notes')).toBe(1)
  expect(await projections.list()).toEqual([
    { name: 'notes', version: 1 },
    { name: 'notes', version: 2 },
  ])
  await second.manage.promote()
  expect(rebuilt.byId).toEqual(bench.seen.byId)
  expect(await projections.serving('notes')).toBe(2)
  expect((await first.status()).serving).toBe(false)
  await first.stop()
  await first.manage.remove()
  expect(await projections.list()).toEqual([{ name: 'notes', version: 2 }])
  await expect(first.status()).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  expect(await projections.serving('unknown')).toBeUndefined()
})

test('a version that has not caught up is not promoted, and one that serves is not removed', async () => {
  const first = await bench.start()
  await bench.note(newId())
  const second = await bench.start({
    version: 2,
    onError: after(1, 'stop'),
    handle: () => {
      throw new Error('no')
    },
  })
  await expect(second.manage.promote(soon(100))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  await expect(first.manage.remove()).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  expect(await new Projections({ offsetStore: bench.store, evtLog: bench.evtLog }).serving('notes')).toBe(1)
})

test('retention hears of the version that is furthest behind', async () => {
  const id = newId(5)
  const first = await bench.start()
  const stored = await bench.note(id)
  await first.reached(stored)
  expect(await bench.store.position(TYPE, 5)).toBe(stored.position)
  expect(await first.position(TYPE, 5)).toBe(stored.position)
  const second = await bench.start({
    version: 2,
    onError: after(1, 'stop'),
    handle: () => {
      throw new Error('no')
    },
  })
  await expect.poll(async () => (await second.status()).state).toBe('failed')
  expect(await bench.store.position(TYPE, 5)).toBe(0)
  await expect(first.position('another', 5)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('the status tells how far it is behind, in positions and seconds, and who has what', async () => {
  const projection = await bench.start()
  await projection.reached(await bench.note(newId(3)))
  await note(bench.evtLog, newId(4), 2)
  await projection.manage.caughtUp()
  expect(await projection.status()).toMatchObject({
    name: 'notes',
    version: 1,
    typeName: TYPE,
    serving: true,
    state: 'running',
    position: 3,
    head: 3,
    lag: { positions: 0, seconds: 0 },
    lastError: undefined,
  })
  await projection.stop()
  await bench.note(newId(3), 4)
  const status = await projection.status()
  expect(status).toMatchObject({ state: 'waiting', position: 3, head: 7, lag: { positions: 4 }, members: [] })
  expect(status.slices[3]).toMatchObject({ lag: { positions: 4, seconds: expect.any(Number) }, owner: undefined })
  expect(status.slices[4]?.lag).toEqual({ positions: 0, seconds: 0 })
})

test('a slice whose record knows a later epoch than there are leases waits, and the status says so; the others go on', async () => {
  await bench.store.claim({ name: 'notes', version: 1 }, 3, 99)
  const projection = await bench.start()
  await bench.note(newId(3))
  await projection.reached(await bench.note(newId(4)))
  const { state, slices } = await projection.status()
  expect(state).toBe('waiting')
  expect(slices[3]).toMatchObject({ state: 'waiting', lag: { positions: 2 } })
  expect(slices.filter((slice) => slice.state === 'waiting')).toHaveLength(1)
})

test('slices without events have moved along when they are let go of, so that nothing is read again', async () => {
  const projection = await bench.start()
  const last = await bench.note(newId(3), 4)
  await projection.reached(last)
  await projection.stop()
  const records = await bench.store.slices(projection.key)
  expect(records.map(({ offset }) => offset.position)).toEqual(Array.from({ length: 64 }, () => last.position))
})

test('what is asked for wrongly, or of a projection that there is not, is refused and not passed over', async () => {
  const wrong = { code: 'INVALID_INPUT' }
  const id = newId()
  const { manage } = await bench.start()
  // @ts-expect-error -- misspelt, as it may be in JavaScript
  await expect(manage.dropParked(id, { seqno: 2 })).rejects.toMatchObject(wrong)
  for (const seqNo of [0, 1.5, Number.NaN]) await expect(manage.dropParked(id, { seqNo })).rejects.toMatchObject(wrong)
  // @ts-expect-error -- likewise
  expect(() => manage.parked({ ID: id })).toThrow(expect.objectContaining(wrong))
  // @ts-expect-error -- likewise
  await expect(manage.promote({ untill: new Date() })).rejects.toMatchObject(wrong)
  expect((await manage.status()).requests).toEqual([])

  const unknown = new Projections({ offsetStore: bench.store, evtLog: bench.evtLog }).of({
    name: 'unknown',
    version: 1,
  })
  await expect(unknown.remove()).rejects.toMatchObject(wrong)
  await expect(unknown.caughtUp()).rejects.toMatchObject(wrong)
  await expect(unknown.parked()[Symbol.asyncIterator]().next()).rejects.toMatchObject(wrong)
})

test('what is started wrongly is refused by name', async () => {
  await bench.start()
  await expect(bench.start({ typeName: 'another' })).rejects.toThrow(/^typeName is /)
  await expect(bench.start({ name: 'with.dot' })).rejects.toThrow(/^name is /)
  await expect(bench.start({ version: 0 })).rejects.toThrow(/^version is /)
  await expect(bench.start({ handlerTimeoutMs: 0 })).rejects.toThrow(/^handlerTimeoutMs is /)
})

test('who waits for an event of another type is told so at once', async () => {
  const projection = await bench.start()
  const stored = { key: { typeName: 'another', id: newId() }, position: 1 }
  await expect(projection.reached(stored)).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'typeName' })
})

test('a process waits for what another one handles', async () => {
  const first = await bench.start()
  const second = await bench.start()
  await expect.poll(async () => (await first.status()).members).toHaveLength(2)
  const ids = Array.from({ length: 30 }, () => newId())
  await Promise.all(ids.map(async (id) => second.reached(await bench.note(id))))
  for (const id of ids) expect(bench.seen.of(id)).toEqual([1])
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(first.reached({ key: { typeName: TYPE, id: newId() }, position: 999 }, { signal })).rejects.toThrow(
    'enough',
  )
})
