import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { appendIds } from '../log/append-id.js'
import type { EvtsByTypeOptions, Head, NewEvt, PersistedEvt } from '../log/evt-log.js'
import { entityKey } from '../log/entity-key.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { atLeastOnce } from './at-least-once.js'
import { ManagedProjection } from './managed-projection.js'
import { after, Bench, binarizer, newId, TYPE } from './projection.test.fixture.js'
import type { RunningProjection } from './projection.js'
import { Projections } from './projections.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

const soon = (ms: number) => ({ deadline: new Date(Date.now() + ms) })
const nextAppendId = appendIds()

/** Appends many events to a new entity. */
async function noteMany(id: string, count: number): Promise<void> {
  const key = entityKey(TYPE, id)
  let head: Head = await bench.evtLog.head(key)
  while (head.seqNo < count) {
    const evt: NewEvt = { ...binarizer.encodeEvt({ type: 'Noted', n: 0 }), metadata: {} }
    const groups = Array.from({ length: Math.min(1_000, count - head.seqNo) }, () => [evt])
    ;({ head } = await bench.evtLog.persist({ key, expected: head, appendId: nextAppendId(), groups }))
  }
}

/** A log that counts what is read of it. */
class CountingLog extends MemoryEvtLog {
  read = 0

  override async *evtsByType(typeName: string, options?: EvtsByTypeOptions): AsyncGenerator<PersistedEvt, void, void> {
    for await (const evt of super.evtsByType(typeName, options)) {
      this.read += 1
      yield evt
    }
  }
}

function watching(projection: RunningProjection, evtLog: MemoryEvtLog): ManagedProjection {
  return new ManagedProjection(projection.key, { offsetStore: bench.store, evtLog })
}

/** Sets a slice's offset, as nobody but its owner does. */
async function put(slice: number, position: number): Promise<void> {
  const key = { name: 'notes', version: 1 }
  const claimed = await bench.store.claim(key, slice, 1_000)
  if (claimed.kind === 'fenced') throw new Error('the slice has a later owner')
  const { revision } = claimed.record
  const offset = { position, appendId: '', id: '', seqNo: 0 }
  const move = { slice, revision, offset, failure: undefined, done: undefined, park: [], unpark: [] }
  await bench.store.commit(key, [move])
}

test('what was handled before a reset does not count as caught up, nor does it let a version be promoted', async () => {
  const id = newId()
  await bench.note(id, 5)
  const first = await bench.start()
  const second = await bench.start({ version: 2, handler: atLeastOnce(bench.store, () => {}) })
  await first.manage.caughtUp()
  await second.manage.caughtUp()
  await first.manage.reset(0)
  await first.manage.caughtUp()
  expect(bench.seen.of(id)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
  await second.manage.stop()
  await expect.poll(async () => (await second.status()).members).toEqual([])
  await second.manage.reset(0)
  await expect(second.manage.promote(soon(100))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  await second.manage.resume()
  await second.manage.promote()
  expect((await second.status()).serving).toBe(true)
})

test('a version whose read model lacks what is parked is promoted only if that is said', async () => {
  await bench.start()
  const second = await bench.start({
    version: 2,
    onError: after(1, 'park'),
    handle: () => {
      throw new Error('no')
    },
  })
  await bench.note(newId())
  await expect(second.manage.promote()).rejects.toMatchObject({ code: 'PARKED' })
  const projections = new Projections({ offsetStore: bench.store, evtLog: bench.evtLog })
  expect(await projections.serving('notes')).toBe(1)
  await second.manage.promote({ withParked: true })
  expect(await projections.serving('notes')).toBe(2)
})

test('who waits for a projection to catch up reads no more than up to the first event that waits, and each event once', async () => {
  let goOn = () => {}
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  await noteMany(newId(), 3_000)
  const projection = await bench.start({ handle: () => mayGoOn })
  const log = new CountingLog({ storageOf: bench.evtLog })
  const managed = watching(projection, log)
  await expect(managed.caughtUp(soon(200))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  expect(log.read).toBeLessThan(20)
  goOn()
  await managed.caughtUp()
  expect(log.read).toBeLessThan(3_100)
})

test('a slice that was left far behind with nothing to handle has caught up, though no process runs', async () => {
  const projection = await bench.start()
  await noteMany(newId(1), 10_100)
  await projection.manage.caughtUp()
  await projection.stop()
  await put(5, 0)
  await projection.manage.caughtUp()
  // All that is read from so far behind, since none of it is at its offset or before.
  for (let slice = 0; slice < 64; slice++) if (slice !== 1) await put(slice, 0)
  await projection.manage.caughtUp()
  await bench.note(newId(5))
  await expect(projection.manage.caughtUp(soon(50))).rejects.toMatchObject({ code: 'NOT_REACHED' })
})

test('the status does not claim more than was looked at, and lets no slice lag that has nothing waiting', async () => {
  const projection = await bench.start()
  await projection.manage.caughtUp()
  await projection.stop()
  await noteMany(newId(2), 3_000)
  const last = await bench.note(newId(1))
  await noteMany(newId(2), 10)
  const head = await bench.evtLog.headPosition()
  for (let slice = 0; slice < 64; slice++) if (slice !== 1) await put(slice, head)
  // All of it may have been stored within the millisecond.
  const one = await vi.waitFor(async () => {
    const status = await projection.status()
    expect(status.slices[1]?.lag.seconds).toBeGreaterThan(0)
    return status
  })
  expect(one).toMatchObject({ position: last.position - 1, head })
  expect(one.slices.filter(({ lag }) => lag.seconds > 0)).toHaveLength(1)
  expect(one.slices.filter(({ lag }) => lag.positions > 0)).toHaveLength(1)
  // Too far away to be found by a look.
  for (let slice = 3; slice < 64; slice++) await put(slice, 0)
  await put(2, head)
  const { position, slices } = await projection.status()
  expect(position).toBeLessThan(last.position)
  expect(slices[2]?.lag).toEqual({ positions: 0, seconds: 0 })
})

test('a deadline may be as far away as one likes, and no nonsense is one', async () => {
  let goOn = () => {}
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  const projection = await bench.start({ handle: () => mayGoOn })
  const stored = await bench.note(newId())
  const waiting = Promise.all([
    projection.reached(stored, soon(40 * 24 * 3_600_000)),
    projection.reached(stored, { deadline: new Date(8.64e15) }),
  ])
  await expect(projection.reached(stored, soon(50))).rejects.toMatchObject({ code: 'NOT_REACHED' })
  goOn()
  await waiting
  const options = { deadline: new Date('tomorrow') }
  const wrong = { code: 'INVALID_INPUT', field: 'deadline' }
  await expect(projection.reached(stored, options)).rejects.toMatchObject(wrong)
  await expect(projection.manage.caughtUp(options)).rejects.toMatchObject(wrong)
  await expect(projection.manage.promote(options)).rejects.toMatchObject(wrong)
})
