import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { MemoryCounterStore } from '../counters/memory-counter-store.js'
import { strictCounter, type StrictInstanceAwareCounter } from '../counters/strict-counter.js'
import { UnavailableError } from '../errors.js'
import { FaultyCounterStore } from '../testing/faulty-counter-store.js'
import { counter, fixture } from './counter.test.fixture.js'
import { Entities } from './entities.js'

const inc = { type: 'Inc', inc: 1 } as const
const clock = { now: Date.now() }

/** The entities of a process, which reports to a counter of its own. */
async function process(store: FaultyCounterStore, instanceId: string) {
  const { evtLog, binarizer } = fixture()
  const liveCounter = await strictCounter(store, {
    namespace: 'live',
    instanceId,
    heartbeatInterval: Infinity,
    timeout: 1,
  })
  const entities = new Entities(counter, { evtLog, binarizer, liveCounter })
  onTestFinished(() => entities.stop())
  const spawn = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) await entities.ref(randomUUID()).handleCmd(inc)
  }
  return { entities, liveCounter, spawn }
}

function stores(): () => FaultyCounterStore {
  const first = new MemoryCounterStore({ clock: () => clock.now })
  return () => new FaultyCounterStore(new MemoryCounterStore({ storageOf: first, clock: () => clock.now }))
}

test('how many entities are live everywhere is told by process', async () => {
  const open = stores()
  const [a, b] = [await process(open(), 'a'), await process(open(), 'b')]
  expect(await a.entities.liveEverywhere()).toEqual({ total: 0, byProcess: new Map() })
  await a.spawn(3)
  await b.spawn(2)
  await b.entities.liveEverywhere()
  expect(await a.entities.liveEverywhere()).toEqual({
    total: 5,
    byProcess: new Map([
      ['a', 3],
      ['b', 2],
    ]),
  })
  await b.entities.stop()
  expect(await a.entities.liveEverywhere()).toEqual({
    total: 3,
    byProcess: new Map([
      ['a', 3],
      ['b', 0],
    ]),
  })
})

test('the share of a process that crashes drops out by itself, and comes back with it', async () => {
  const open = stores()
  const [a, crashing] = [await process(open(), 'a'), await process(open(), 'crashing')]
  await a.spawn(1)
  await crashing.spawn(2)
  await crashing.entities.liveEverywhere()
  clock.now += 31_000
  expect(await a.entities.liveEverywhere()).toEqual({ total: 1, byProcess: new Map([['a', 1]]) })
  await crashing.liveCounter.heartbeat()
  expect(await a.entities.liveEverywhere()).toMatchObject({ total: 3 })
})

test('changes are reported by themselves, several at once, and again where that fails', async () => {
  const store = stores()()
  const failing = { when: 'before', error: new UnavailableError('away') } as const
  const { spawn, liveCounter } = await process(store, 'a')
  store.faults.fail('change', failing, 2)
  await spawn(20)
  await vi.waitFor(async () => expect(await live(liveCounter)).toBe(20n), { timeout: 10_000 })
  expect(store.faults.count('change')).toBeLessThan(10)
})

test('no entity waits for a report', async () => {
  const store = stores()()
  const held = store.faults.hold('change')
  const { spawn, entities } = await process(store, 'a')
  await spawn(1)
  await held.arrived
  await spawn(5)
  expect(entities.live).toBe(6)
  held.release()
  expect(await entities.liveEverywhere()).toMatchObject({ total: 6 })
})

test('without a counter nobody can tell, and one that is none is refused', async () => {
  const { evtLog, binarizer } = fixture()
  const entities = new Entities(counter, { evtLog, binarizer })
  await expect(entities.liveEverywhere()).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'liveCounter' })
  const none: unknown = {}
  const create = (): unknown => Reflect.construct(Entities, [counter, { evtLog, binarizer, liveCounter: none }])
  expect(create).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', field: 'options.liveCounter' }))
})

async function live(liveCounter: StrictInstanceAwareCounter): Promise<bigint> {
  return (await liveCounter.get('counter')).total
}
