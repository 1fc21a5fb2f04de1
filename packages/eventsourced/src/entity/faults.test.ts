import { randomUUID } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { RefusedError, UnavailableError, UncertainError } from '../errors.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

describe('another writer', () => {
  test('is caught up with: the commands are handled again on what it wrote', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    await other.handleCmd({ type: 'Inc', inc: 10 })
    const results = await Promise.all([
      ref.handleCmd({ type: 'Inc', inc: 1 }),
      ref.handleCmd({ type: 'Get' }),
      ref.handleCmd({ type: 'Inc', inc: 999_989 }),
    ])
    expect(results).toMatchObject([
      { reply: 12, seqNo: 3, position: 3 },
      { reply: 12, seqNo: 3 },
      { rejection: { value: 12 } },
    ])
    expect((await evtsOf(log, id)).map(({ seqNo }) => seqNo)).toEqual([1, 2, 3])
  })

  test('takes back a rejection that was judged on events which then were not stored', async () => {
    const { id, log, ...rest } = fixture()
    const small = { ...counter, handleEvt: (value: number, { inc }: { inc: number }) => Math.min(value + inc, 500_000) }
    const ref = await Entity.spawn(id, small, rest)
    const other = await Entity.spawn(id, small, { ...rest, evtLog: log })
    // The first is rejected for good on what the other wrote, so that the second, rejected on its heels before, is accepted now.
    rest.evtLog.faults.before('persist', () => other.handleCmd({ type: 'Inc', inc: 400_000 }))
    const [first, second] = await Promise.all([
      ref.handleCmd({ type: 'Inc', inc: 700_000 }),
      ref.handleCmd({ type: 'Inc', inc: 550_000 }),
    ])
    expect(first).toMatchObject({ ok: false, rejection: { value: 400_000 } })
    expect(second).toMatchObject({ ok: true, reply: 500_000, seqNo: 2 })
  })

  test('who is first again and again makes a command fail in the end, with nothing of it stored', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, conflictAttempts: 3 })
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    for (let time = 0; time < 4; time++) {
      rest.evtLog.faults.before('persist', () => other.handleCmd({ type: 'Inc', inc: 1 }))
    }
    await expect(ref.handleCmd({ type: 'Inc', inc: 100 })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 4 })
    // The next command has attempts of its own.
    rest.evtLog.faults.before('persist', () => other.handleCmd({ type: 'Inc', inc: 1 }))
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 6 })
  })

  test('and this one, hammering one id, end with a log that holds each acknowledged command once', async () => {
    const { id, log, ...rest } = fixture()
    const refs = await Promise.all([1, 2, 3].map(() => Entity.spawn(id, counter, { ...rest, conflictAttempts: 1_000 })))
    const results = await Promise.all(
      refs.flatMap((ref) => Array.from({ length: 50 }, () => ref.handleCmd({ type: 'Inc', inc: 1 }))),
    )
    const seqNos = results.map((result) => (result.ok ? result.seqNo : 0)).toSorted((a, b) => a - b)
    expect(seqNos).toEqual(Array.from({ length: 150 }, (_, n) => n + 1))
    expect(await evtsOf(log, id)).toHaveLength(150)
  })
})

describe('a log that is unavailable', () => {
  test('gets the same append again, and its callers notice nothing but time', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    rest.evtLog.faults.fail('persist', { when: 'before', error: new UnavailableError('no connection') }, 3)
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ ok: true, reply: 1 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('for too long fails the commands, stored nothing, and the entity goes on', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, unavailableTimeout: 0 })
    rest.evtLog.faults.fail('persist', { when: 'before', error: new UnavailableError('no connection') })
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 1, seqNo: 1 })
  })
})

describe('an append that may be stored or not', () => {
  test.each([
    ['stored', 'after', 3],
    ['not stored', 'before', 1],
  ] as const)('and is %s makes the entity recover from the log', async (_, when, reply) => {
    const { id, log: __, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    rest.evtLog.faults.fail('persist', { when, error: new UncertainError('the answer is lost') })
    const [inc, query] = await Promise.allSettled([
      ref.handleCmd({ type: 'Inc', inc: 2 }),
      ref.handleCmd({ type: 'Get' }),
    ])
    expect(inc).toMatchObject({ reason: { code: 'UNCERTAIN' } })
    expect(query).toMatchObject({ value: { reply: reply - 1 } })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply })
  })

  test('is what an unknown failure of a log means, also if that is thrown at once', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const persist = vi.spyOn(rest.evtLog, 'persist').mockImplementationOnce(() => {
      throw new Error('out of the blue')
    })
    await expect(ref.handleCmd({ type: 'Inc', inc: 2 })).rejects.toMatchObject({ code: 'UNCERTAIN' })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 1 })
    expect(persist).toHaveBeenCalledTimes(2)
  })

  test('is what an answer means that is none, and harms no other entity', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(randomUUID(), counter, rest)
    // @ts-expect-error what a log without the compiler may answer
    vi.spyOn(rest.evtLog, 'persist').mockImplementationOnce(() => undefined)
    const [lost, stored] = await Promise.allSettled([ref, other].map((one) => one.handleCmd({ type: 'Inc', inc: 2 })))
    expect(lost).toMatchObject({ reason: { code: 'UNCERTAIN' } })
    expect(stored).toMatchObject({ value: { reply: 2 } })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 1 })
  })

  test('is what it means that a log has stored nothing and does not fail', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    vi.spyOn(rest.evtLog, 'persist').mockResolvedValueOnce({
      groups: 0,
      head: { seqNo: 0, position: 0 },
      positions: [],
    })
    await expect(ref.handleCmd({ type: 'Inc', inc: 2 })).rejects.toMatchObject({
      code: 'UNCERTAIN',
      message: expect.stringContaining('0 groups'),
    })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 1, seqNo: 1 })
  })

  test('is what an unknown failure of a log means', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    rest.evtLog.faults.fail('persist', { when: 'after', error: new Error('out of the blue') })
    await expect(ref.handleCmd({ type: 'Inc', inc: 2 })).rejects.toMatchObject({ code: 'UNCERTAIN' })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 2 })
  })
})

describe('a live entity', () => {
  test('that finds the log behind itself fails, and takes no more commands', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    // The log of an entity that lost its events: as after a restore from an old backup.
    const restored = new MemoryEvtLog()
    Object.assign(rest.evtLog, { persist: restored.persist.bind(restored), head: restored.head.bind(restored) })
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 })).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
    await expect(ref.handleCmd({ type: 'Get' })).rejects.toMatchObject({
      code: 'STOPPED',
      cause: { code: 'LOG_LOST_EVENTS' },
    })
  })

  test('on a closed log fails its commands as refused', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await log.close()
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 })).rejects.toBeInstanceOf(RefusedError)
  })
})
