import { setImmediate } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { appendIds } from '../log/append-id.js'
import { type EntityKey, entityKey } from '../log/entity-key.js'
import type { Append, Head, NewEvt, PersistedEvt } from '../log/evt-log.js'
import { MemoryEvtLog } from './memory-evt-log.js'

const key = entityKey('counter', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d')
const nextAppendId = appendIds()

function newEvt(over: Partial<NewEvt> = {}): NewEvt {
  return { type: 'Increased', version: 1, bytes: Uint8Array.of(1, 2, 3), metadata: {}, ...over }
}

function newAppend(expected: Head, groups: NewEvt[][], over: Partial<Append> = {}): Append {
  return { key, expected, appendId: nextAppendId(), groups, ...over }
}

async function store(log: MemoryEvtLog, groups: NewEvt[][], of: EntityKey = key): Promise<void> {
  await log.persist(newAppend(await log.head(of), groups, { key: of }))
}

test('positions are 1, 2, 3, … over all entities and types', async () => {
  const log = new MemoryEvtLog()
  const other = entityKey('other', key.id)
  await store(log, [[newEvt()], [newEvt()]])
  await store(log, [[newEvt()]], other)
  await store(log, [[newEvt()]])
  expect(await log.head(key)).toMatchObject({ seqNo: 3, position: 4 })
  expect(await log.head(other)).toMatchObject({ seqNo: 1, position: 3 })
  expect(await log.headPosition()).toBe(4)
})

test('all groups of an append are stored at once', async () => {
  const log = new MemoryEvtLog()
  const groups = Array.from({ length: 5_000 }, () => [newEvt()])
  expect(await log.persist(newAppend({ seqNo: 0, position: 0 }, groups))).toMatchObject({ groups: 5_000 })
})

test('an append that was cut to a prefix is answered with that prefix when it comes again whole', async () => {
  const log = new MemoryEvtLog()
  const append = newAppend({ seqNo: 0, position: 0 }, [[newEvt(), newEvt()], [newEvt()], [newEvt()]])
  const first = await log.persist({ ...append, groups: append.groups.slice(0, 2) })
  await store(log, [[newEvt()]])
  expect(await log.persist(append)).toEqual(first)
  expect(first).toEqual({ groups: 2, head: { seqNo: 3, position: 3 }, positions: [1, 2, 3] })
})

test('an event of more than 64 MiB is refused as too large, and nothing of its append is stored', async () => {
  const log = new MemoryEvtLog()
  const tooLarge = newEvt({ bytes: new Uint8Array(2 ** 26 + 1) })
  await expect(store(log, [[newEvt()], [tooLarge]])).rejects.toMatchObject({ code: 'REFUSED', reason: 'too-large' })
  expect(await log.head(key)).toMatchObject({ seqNo: 0 })
})

test('where the deleted events of an append stood, nobody is told that nothing of it was stored', async () => {
  const log = new MemoryEvtLog()
  const append = newAppend({ seqNo: 0, position: 0 }, [[newEvt()]])
  await log.persist(append)
  await log.deleteEvts(key, 1)
  await expect(log.persist(append)).rejects.toMatchObject({ code: 'UNCERTAIN' })
  expect(await log.head(key)).toMatchObject({ seqNo: 1, appendId: append.appendId })
})

test('logs that share what they store are one log to their readers and writers', async () => {
  const log = new MemoryEvtLog()
  const another = new MemoryEvtLog({ storageOf: log })
  await store(log, [[newEvt()]])
  const next = another.evtsByType('counter', { after: 1, live: true })[Symbol.asyncIterator]().next()
  await store(log, [[newEvt()]])
  expect(await next).toMatchObject({ value: { seqNo: 2 } })
  await log.close()
  expect(await another.headPosition()).toBe(2)
  expect(await new MemoryEvtLog({ storageOf: log }).headPosition()).toBe(2)
  expect(await new MemoryEvtLog().headPosition()).toBe(0)
})

test('the time of an event never goes back, even if the clock does', async () => {
  const log = new MemoryEvtLog()
  const clock = vi.spyOn(Date, 'now').mockReturnValueOnce(2_000).mockReturnValueOnce(1_000).mockReturnValueOnce(3_000)
  for (let count = 0; count < 3; count++) await store(log, [[newEvt()]])
  clock.mockRestore()
  expect((await all(log)).map(({ time }) => time.getTime())).toEqual([2_000, 2_000, 3_000])
})

test('a long read gives others their turn, and so can be aborted by them', async () => {
  const log = new MemoryEvtLog()
  await store(log, [Array.from({ length: 50_000 }, () => newEvt())])
  for (const read of [log.evtsById.bind(log, key), log.evtsByType.bind(log, 'counter')]) {
    const abort = new AbortController()
    const reason = new Error('enough')
    void setImmediate().then(() => abort.abort(reason))
    await expect(collect(read({ signal: abort.signal }))).rejects.toBe(reason)
  }
})

test('a key that is read can’t be changed for others, and serves as a key again', async () => {
  const log = new MemoryEvtLog()
  await store(log, [[newEvt()]])
  const [evt] = await all(log)
  expect(Object.isFrozen(evt?.key)).toBe(true)
  expect(await log.head(evt?.key ?? key)).toMatchObject({ seqNo: 1 })
})

async function all(log: MemoryEvtLog): Promise<PersistedEvt[]> {
  return collect(log.evtsById(key))
}

async function collect(evts: AsyncIterable<PersistedEvt>): Promise<PersistedEvt[]> {
  const collected = []
  for await (const evt of evts) collected.push(evt)
  return collected
}
