import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { UnavailableError, UncertainError } from '../errors.js'
import { isForgotten } from '../entity/forgotten.js'
import { appendIds } from '../log/append-id.js'
import type { EntityKey } from '../log/entity-key.js'
import type { EvtLog, NewEvt, PersistedEvt } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { copyEvts } from './copy-evts.js'

const OPTIONS = { typeName: 'account' }

function newKey(typeName = 'account'): EntityKey {
  return { typeName, id: randomUUID() }
}

function newEvt(over: Partial<NewEvt> = {}): NewEvt {
  return { type: 'Happened', version: 3, bytes: Buffer.from(randomUUID()), metadata: { cause: randomUUID() }, ...over }
}

async function append(log: EvtLog, key: EntityKey, evts: readonly NewEvt[] = [newEvt()], appendId = appendIds()()) {
  return log.persist({ key, expected: await log.head(key), appendId, groups: evts.map((evt) => [evt]) })
}

/** A log with entities that wrote in turn, some in appends of several events. */
async function written({ entities = 20, rounds = 5 } = {}): Promise<MemoryEvtLog> {
  const log = new MemoryEvtLog()
  const keys = Array.from({ length: entities }, () => newKey())
  await append(log, newKey('other'))
  for (let round = 0; round < rounds; round++) {
    for (const [index, key] of keys.entries()) {
      await append(
        log,
        key,
        Array.from({ length: 1 + ((index + round) % 3) }, () => newEvt()),
      )
    }
  }
  return log
}

async function evtsOf(log: EvtLog): Promise<PersistedEvt[]> {
  const evts: PersistedEvt[] = []
  for await (const evt of log.evtsByType('account')) evts.push(evt)
  return evts
}

/** All of an event that is copied. */
function copied({ key, seqNo, appendId, type, version, bytes, metadata }: PersistedEvt): unknown {
  return { id: key.id, seqNo, appendId, type, version, bytes: Buffer.from(bytes).toString('hex'), metadata }
}

async function expectCopy(to: EvtLog, from: EvtLog): Promise<void> {
  expect((await evtsOf(to)).map(copied)).toEqual((await evtsOf(from)).map(copied))
}

/** A log that stores two events of an append at a time. */
function inPart(log: EvtLog): FaultyEvtLog {
  const faulty = new FaultyEvtLog(log)
  const persist = faulty.persist.bind(faulty)
  faulty.persist = (append) => persist({ ...append, groups: append.groups.slice(0, 2) })
  return faulty
}

test('a copy has all events of the type in their order, and nothing else', async () => {
  const [from, to] = [await written(), new MemoryEvtLog()]
  const count = (await evtsOf(from)).length
  expect(await copyEvts(from, to, OPTIONS)).toEqual({ copied: count, present: 0, position: await from.headPosition() })
  await expectCopy(to, from)
  expect(await to.headPosition()).toBe(count)
})

test('a call that finds all there copies nothing, and one that finds more copies that', async () => {
  const [from, to] = [await written(), new MemoryEvtLog()]
  const { copied } = await copyEvts(from, to, OPTIONS)
  expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 0, present: copied })
  for (const { key } of (await evtsOf(from)).slice(0, 5)) await append(from, key)
  await append(from, newKey())
  expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 6, present: copied })
  await expectCopy(to, from)
})

test.each([1, 3, 256])(
  'a log that stores appends in part gets a copy, with %i under way at once',
  async (concurrency) => {
    const [from, to] = [await written(), new MemoryEvtLog()]
    await copyEvts(from, inPart(to), { ...OPTIONS, concurrency })
    await copyEvts(from, to, OPTIONS)
    for await (const id of from.ids('account')) {
      const [source, target] = [from, to].map((log) => evtsById(log, id))
      expect((await target)?.map(copied)).toEqual((await source)?.map(copied))
    }
  },
)

async function evtsById(log: EvtLog, id: string): Promise<PersistedEvt[]> {
  return (await evtsOf(log)).filter(({ key }) => key.id === id)
}

test('a copy that was interrupted anywhere goes on there when it is called again', async () => {
  const from = await written({ entities: 5, rounds: 3 })
  const count = (await evtsOf(from)).length
  for (let after = 0; after < 14; after++) {
    const to = new FaultyEvtLog(new MemoryEvtLog())
    const abort = new AbortController()
    for (let nth = 0; nth < after; nth++) to.faults.before('persist', async () => {})
    to.faults.before('persist', async () => abort.abort(new Error('interrupted')))
    await expect(copyEvts(from, to, { ...OPTIONS, concurrency: 1, signal: abort.signal })).rejects.toThrow(
      'interrupted',
    )
    const stored = (await evtsOf(to)).length
    expect(stored).toBeLessThan(count)
    expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: count - stored, present: stored })
    await expectCopy(to, from)
  }
})

/** All that copying asks of the two logs. */
const ASKED = [
  ['from', 'evtsByType'],
  ['from', 'evtsById'],
  ['to', 'head'],
  ['to', 'evtsById'],
  ['to', 'persist'],
  ['to', 'deleteEvts'],
] as const

/** Two logs such that a copy asks all of that: some is copied already, some is deleted where it comes from. */
async function halfCopied() {
  const [from, to] = [new MemoryEvtLog(), new MemoryEvtLog()]
  const [there, late] = [newKey(), newKey()]
  await append(from, there, [newEvt(), newEvt()])
  await copyEvts(from, to, OPTIONS)
  await append(from, there)
  await append(from, late, [newEvt(), newEvt(), newEvt()])
  await from.deleteEvts(late, 2)
  return { from: new FaultyEvtLog(from), to: new FaultyEvtLog(to) }
}

test.each(ASKED)(
  'what is unavailable, or whose answers are lost, is asked again until it is known: %s.%s',
  async (which, operation) => {
    const logs = await halfCopied()
    const { faults } = logs[which]
    faults.fail(operation, { when: 'before', error: new UnavailableError('not now') }, 3)
    faults.fail(operation, { when: 'after', error: new UncertainError('the answer was lost') }, 2)
    expect(await copyEvts(logs.from, logs.to, OPTIONS)).toMatchObject({ copied: 2, present: 2 })
    expect(faults.count(operation)).toBeGreaterThan(5)
    expect(await copyEvts(logs.from, logs.to, OPTIONS)).toMatchObject({ copied: 0, present: 4 })
    await expectCopy(logs.to, logs.from)
  },
)

test.each(ASKED)(
  'a log that stays away fails the copy in time, with what the log said: %s.%s',
  async (which, operation) => {
    const logs = await halfCopied()
    const { faults } = logs[which]
    faults.fail(operation, { when: 'before', error: new UnavailableError('not now') }, 1_000)
    const copying = copyEvts(logs.from, logs.to, { ...OPTIONS, unavailableTimeoutMs: 50 })
    await expect(copying).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'not now' })
    faults.clear()
    await copyEvts(logs.from, logs.to, OPTIONS)
    await expectCopy(logs.to, logs.from)
  },
)

/** A log whose reads break off after so many events each. */
function breakingOff(log: EvtLog, after: number): FaultyEvtLog {
  async function* broken(evts: AsyncIterable<PersistedEvt>): AsyncIterable<PersistedEvt> {
    let count = 0
    for await (const evt of evts) {
      if (count++ === after) throw new UnavailableError('broken off')
      yield evt
    }
  }
  const faulty = new FaultyEvtLog(log)
  const evtsByType = faulty.evtsByType.bind(faulty)
  faulty.evtsByType = (...args) => broken(evtsByType(...args))
  faulty.alterEvtsById(broken)
  return faulty
}

test('reads that break off go on behind the last event, as long as they bring some', async () => {
  const [from, to, key] = [new MemoryEvtLog(), new MemoryEvtLog(), newKey()]
  for (let time = 0; time < 3; time++) await append(from, key, [newEvt(), newEvt(), newEvt(), newEvt()])
  const [breakingFrom, breakingTo] = [breakingOff(from, 2), breakingOff(to, 3)]
  const impatient = { ...OPTIONS, unavailableTimeoutMs: 30 }
  expect(await copyEvts(breakingFrom, breakingTo, impatient)).toMatchObject({ copied: 12 })
  expect(await copyEvts(breakingFrom, breakingTo, impatient)).toMatchObject({ copied: 0, present: 12 })
  await expectCopy(to, from)
  const stuck = copyEvts(breakingOff(from, 0), to, impatient)
  await expect(stuck).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'broken off' })
})

test.each<[what: string, over: Partial<NewEvt>]>([
  ['type', { type: 'Other' }],
  ['version', { version: 4 }],
  ['bytes', { bytes: Buffer.from('other') }],
  ['metadata', { metadata: { cause: 'another' } }],
  ['metadata', { metadata: {} }],
])('a copy whose %s differ is found out, and named by its entity and seqNo', async (what, over) => {
  const [from, to, key] = [new MemoryEvtLog(), new MemoryEvtLog(), newKey()]
  const evts = Array.from({ length: 5 }, () => newEvt())
  const appendId = appendIds()()
  await append(from, key, evts, appendId)
  const [first, second, third] = evts
  if (first && second && third) await append(to, key, [first, second, { ...third, ...over }], appendId)
  const error = { code: 'COPY_DIFFERS', key, seqNo: 3, message: expect.stringContaining(what) }
  await expect(copyEvts(from, to, OPTIONS)).rejects.toMatchObject(error)
  expect(await to.head(key)).toMatchObject({ seqNo: 3 })
})

test('events of another writer, and events that the log copied from lacks, are no copies', async () => {
  const [from, to, key] = [new MemoryEvtLog(), new MemoryEvtLog(), newKey()]
  const evts = [newEvt(), newEvt()]
  await append(from, key, evts)
  await append(to, key, evts)
  const differs = { code: 'COPY_DIFFERS', key, seqNo: 1, message: expect.stringContaining('appendId') }
  await expect(copyEvts(from, to, OPTIONS)).rejects.toMatchObject(differs)
  const ahead = new MemoryEvtLog()
  await copyEvts(from, ahead, OPTIONS)
  await append(ahead, key)
  const hesitant = new FaultyEvtLog(from)
  hesitant.faults.fail('head', { when: 'before', error: new UnavailableError('not now') }, 2)
  await expect(copyEvts(hesitant, ahead, OPTIONS)).rejects.toMatchObject({ code: 'COPY_DIFFERS', key, seqNo: 3 })
})

test('an entity whose first events are deleted keeps its numbers, also when that was interrupted', async () => {
  const [from, key] = [new MemoryEvtLog(), newKey()]
  await append(
    from,
    key,
    Array.from({ length: 1_207 }, () => newEvt()),
  )
  await from.deleteEvts(key, 1_204)
  for (const operation of ['persist', 'deleteEvts'] as const) {
    const to = new FaultyEvtLog(new MemoryEvtLog())
    to.faults.fail(operation, { when: operation === 'persist' ? 'after' : 'before', error: new Error('killed') })
    await expect(copyEvts(from, to, OPTIONS)).rejects.toThrow('killed')
    expect((await evtsOf(to)).every(isForgotten)).toBe(true)
    expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 3 })
    await expectCopy(to, from)
    expect((await evtsOf(to)).map(({ seqNo }) => seqNo)).toEqual([1_205, 1_206, 1_207])
  }
})

test('what was copied before is kept though it is deleted in the log copied from', async () => {
  const [from, to, key] = [new MemoryEvtLog(), new MemoryEvtLog(), newKey()]
  await append(from, key, [newEvt(), newEvt(), newEvt()])
  await copyEvts(from, to, OPTIONS)
  await append(from, key, [newEvt(), newEvt()])
  await from.deleteEvts(key, 2)
  expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 2, present: 1 })
  expect(await evtsOf(to)).toHaveLength(5)
})

test('what was deleted before it could be copied is told, and not passed over', async () => {
  const [from, to, key] = [new MemoryEvtLog(), new MemoryEvtLog(), newKey()]
  await append(from, key, [newEvt(), newEvt()])
  await copyEvts(from, to, OPTIONS)
  await append(from, key, [newEvt(), newEvt(), newEvt()])
  await from.deleteEvts(key, 4)
  await expect(copyEvts(from, to, OPTIONS)).rejects.toMatchObject({ code: 'COPY_DIFFERS', key, seqNo: 3 })
  expect(await evtsOf(to)).toHaveLength(2)
  await to.deleteEvts(key, 2)
  await copyEvts(from, to, OPTIONS)
  await expectCopy(to, from)
})

test('what is under way is bounded by what it weighs, metadata included', async () => {
  const from = new MemoryEvtLog()
  const metadata = { note: 'x'.repeat(16_000) }
  // 320 KB an append, 64 MB in all.
  for (let nth = 0; nth < 200; nth++) {
    const evts = Array.from({ length: 10 }, () => newEvt({ metadata }))
    await append(from, newKey(), evts)
  }
  const to = new FaultyEvtLog(new MemoryEvtLog())
  const persist = to.persist.bind(to)
  let underWay = 0
  let most = 0
  to.persist = async (append) => {
    most = Math.max(most, ++underWay)
    // Reading all there is takes far fewer turns.
    for (let turn = 0; turn < 500; turn++) await nextTurn()
    underWay--
    return persist(append)
  }
  expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 2_000 })
  expect(most).toBeGreaterThan(80)
  expect(most).toBeLessThan(120)
})

test('two copies at once make one', async () => {
  const [from, to] = [await written(), new MemoryEvtLog()]
  await Promise.all([copyEvts(from, to, OPTIONS), copyEvts(from, to, { ...OPTIONS, concurrency: 2 })])
  expect(await copyEvts(from, to, OPTIONS)).toMatchObject({ copied: 0 })
  expect(await evtsOf(to)).toHaveLength((await evtsOf(from)).length)
})

test('progress is told, and only grows', async () => {
  const [from, to] = [await written({ entities: 50, rounds: 40 }), new MemoryEvtLog()]
  const told: { copied: number; present: number; position: number }[] = []
  const result = await copyEvts(from, to, { ...OPTIONS, onProgress: (progress) => told.push(progress) })
  expect(told.length).toBeGreaterThan(2)
  expect(told.at(-1)).toEqual(result)
  expect(told.map(({ position }) => position)).toEqual(told.map(({ position }) => position).sort((a, b) => a - b))
})

test.each<[field: string, over: object]>([
  ['typeName', { typeName: '*' }],
  ['concurrency', { concurrency: 0 }],
  ['unavailableTimeoutMs', { unavailableTimeoutMs: Number.NaN }],
  ['options', { type: 'account' }],
])('an option that is wrong is refused, and named: %s', async (field, over) => {
  const copying = copyEvts(new MemoryEvtLog(), new MemoryEvtLog(), { ...OPTIONS, ...over })
  await expect(copying).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
})
