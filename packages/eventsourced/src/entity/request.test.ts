import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UncertainError } from '../errors.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

describe('a command with an id', () => {
  test('that comes again is answered as the first time, and not handled', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const first = await ref.handleCmd({ type: 'Inc', inc: 5, times: 2 }, { cmdId: 'a' })
    expect(first).not.toHaveProperty('repeated')
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    const again = await ref.handleCmd({ type: 'Inc', inc: 5, times: 2 }, { cmdId: 'a' })
    expect(again).toEqual({
      ok: true,
      repeated: true,
      key: { typeName: 'counter', id },
      seqNo: 2,
      position: 2,
      evts: [],
      reply: 10,
    })
    expect(await evtsOf(log, id)).toHaveLength(3)
  })

  test('joins the first while that waits or is in flight', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const together = [1, 2].map(() => ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' }))
    await held.arrived
    const later = ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })
    held.release()
    const results = await Promise.all([...together, later])
    expect(results).toMatchObject([
      { seqNo: 1, position: 1, reply: 5 },
      { repeated: true, seqNo: 1, position: 1, reply: 5 },
      { repeated: true, seqNo: 1, position: 1, reply: 5 },
    ])
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test.each([
    ['after the entity was spawned anew', undefined],
    ['after the entity was spawned anew from a snapshot', snapshotEvery(1)],
  ])('is known %s', async (_, snapshot) => {
    const { id, log, ...rest } = fixture()
    const domain = snapshot === undefined ? counter : { ...counter, snapshot }
    const ref = await Entity.spawn(id, domain, rest)
    await ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })
    await ref.stop()
    const other = await Entity.spawn(id, domain, rest)
    expect(await other.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })).toMatchObject({ repeated: true, reply: 5 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('is known after its answer was lost', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    rest.evtLog.faults.fail('persist', { when: 'after', error: new UncertainError('the answer is lost') })
    await expect(ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })).rejects.toMatchObject({ code: 'UNCERTAIN' })
    expect(await ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })).toMatchObject({ repeated: true, reply: 5 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('is known where another process handled it meanwhile', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await other.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })
    expect(await ref.handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })).toMatchObject({ repeated: true, reply: 5 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('about to store nothing first looks whether another process handled it', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await ref.handleCmd({ type: 'Inc', inc: 999_999 })
    await other.handleCmd({ type: 'Inc', inc: 1 }, { cmdId: 'a' })
    expect(await ref.handleCmd({ type: 'Inc', inc: 2 }, { cmdId: 'a' })).toMatchObject({ repeated: true, seqNo: 2 })
  })

  test('that stored nothing is not remembered', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Inc', inc: 2_000_000 }, { cmdId: 'a' })).toMatchObject({ ok: false })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { cmdId: 'a' })).toMatchObject({ ok: true, reply: 1, seqNo: 1 })
  })

  test('is forgotten when as many others came after it as the window holds', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, cmdWindow: 2 })
    for (const cmdId of ['a', 'b', 'c']) await ref.handleCmd({ type: 'Inc', inc: 1 }, { cmdId })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { cmdId: 'b' })).toMatchObject({ repeated: true })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { cmdId: 'a' })).toMatchObject({ seqNo: 4, reply: 4 })
  })

  test.each(['', 'x'.repeat(129), '\ud800', 'a\0b'])('that is %j is refused', async (cmdId) => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await expect(ref.handleCmd({ type: 'Get' }, { cmdId })).rejects.toMatchObject({ field: 'cmdId' })
  })
})

describe('a command with an expected seqNo', () => {
  test('is handled where it is met, and rejected where the entity has moved on', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { expectedSeqNo: 0 })).toMatchObject({ ok: true })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { expectedSeqNo: 0 })).toEqual({
      ok: false,
      rejection: { type: 'MovedOn', expectedSeqNo: 0, seqNo: 1 },
    })
  })

  test('is not rejected on an old state', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await other.handleCmd({ type: 'Inc', inc: 1 })
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { expectedSeqNo: 1 })).toMatchObject({ ok: true, reply: 2 })
  })

  test('that is no seqNo is refused', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await expect(ref.handleCmd({ type: 'Get' }, { expectedSeqNo: -1 })).rejects.toMatchObject({
      field: 'expectedSeqNo',
    })
  })
})

describe('a fresh query', () => {
  test('sees what another process stored before it came', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await other.handleCmd({ type: 'Inc', inc: 5 })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 0 })
    expect(await ref.handleCmd({ type: 'Get' }, { fresh: true })).toMatchObject({ reply: 5, seqNo: 1, position: 1 })
    expect(rest.evtLog.faults.count('head')).toBeGreaterThan(0)
  })

  test('behind a command that stores needs no look at the head', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const heads = rest.evtLog.faults.count('head')
    const [, query] = await Promise.all([
      ref.handleCmd({ type: 'Inc', inc: 1 }),
      ref.handleCmd({ type: 'Get' }, { fresh: true }),
    ])
    expect(query).toMatchObject({ reply: 1 })
    expect(rest.evtLog.faults.count('head')).toBe(heads)
  })

  test.each([{ fresh: true }, { cmdId: 'a' }, { expectedSeqNo: 99 }])(
    'is answered, as any with %j that stores nothing, where another writer never rests',
    async (options) => {
      const { id, log, ...rest } = fixture()
      const ref = await Entity.spawn(id, counter, { ...rest, conflictAttempts: 2 })
      const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
      for (let n = 0; n < 10; n++) {
        rest.evtLog.faults.before('head', () => other.handleCmd({ type: 'Inc', inc: 1 }))
      }
      const stored = await ref.handleCmd({ type: 'Get' }, options)
      // One writer came before the comparison, another before the missing events were read: both are seen.
      expect(stored).toMatchObject(stored.ok ? { reply: 2, seqNo: 2 } : { rejection: { type: 'MovedOn', seqNo: 2 } })
      expect(rest.evtLog.faults.count('head')).toBe(3)
    },
  )

  test('fails where the log is unavailable for too long', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, unavailableTimeout: 0 })
    rest.evtLog.faults.fail('head', { when: 'before', error: new Error('no connection') })
    const [fresh, query] = await Promise.allSettled([
      ref.handleCmd({ type: 'Get' }, { fresh: true }),
      ref.handleCmd({ type: 'Get' }),
    ])
    expect(fresh).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
    expect(query).toMatchObject({ value: { reply: 0 } })
  })
})

describe('a caller that gives up', () => {
  const past = () => new Date(Date.now() - 1)

  test('before its command is handled withdraws it', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd({ type: 'Inc', inc: 1 })
    await held.arrived
    const controller = new AbortController()
    const withdrawn = ref.handleCmd({ type: 'Inc', inc: 10 }, { signal: controller.signal })
    const last = ref.handleCmd({ type: 'Inc', inc: 1 })
    controller.abort(new Error('never mind'))
    await expect(withdrawn).rejects.toMatchObject({ code: 'WITHDRAWN', cause: { message: 'never mind' } })
    held.release()
    expect(await Promise.all([first, last])).toMatchObject([{ reply: 1 }, { reply: 2 }])
    expect(await evtsOf(log, id)).toHaveLength(2)
  })

  test('while its command is in flight hears that its outcome is unknown', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const controller = new AbortController()
    const inFlight = ref.handleCmd({ type: 'Inc', inc: 10 }, { signal: controller.signal })
    await held.arrived
    controller.abort(new Error('never mind'))
    await expect(inFlight).rejects.toMatchObject({ code: 'UNCERTAIN', cause: { message: 'never mind' } })
    held.release()
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 10 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('before it even asks is told so', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 }, { signal })).rejects.toMatchObject({ code: 'WITHDRAWN' })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 0 })
  })

  test('by a deadline is the same', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd({ type: 'Inc', inc: 1 })
    await held.arrived
    const late = ref.handleCmd({ type: 'Inc', inc: 10 }, { deadline: new Date(Date.now() + 5) })
    await expect(late).rejects.toMatchObject({ code: 'WITHDRAWN', message: expect.stringContaining('deadline') })
    held.release()
    await first
    const inTime = ref.handleCmd({ type: 'Inc', inc: 1 }, { deadline: new Date(Date.now() + 60_000) })
    expect(await inTime).toMatchObject({ reply: 2 })
  })

  test('by a deadline that has passed before it asks, or before its command is handled, has nothing of it stored', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 }, { deadline: past() })).rejects.toMatchObject({
      code: 'WITHDRAWN',
    })
    const soon = ref.handleCmd({ type: 'Inc', inc: 1 }, { deadline: new Date(Date.now() + 1) })
    // A busy event loop: the timer has no chance before the command is handled.
    const until = Date.now() + 5
    while (Date.now() < until) Math.random()
    await expect(soon).rejects.toMatchObject({ code: 'WITHDRAWN' })
    expect(await evtsOf(log, id)).toEqual([])
  })

  test('by a deadline in a hundred years is not withdrawn now', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const deadline = new Date('2126-01-01')
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 }, { deadline })).toMatchObject({ reply: 1 })
  })

  test('by a deadline that is no date is refused', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const wrong = ref.handleCmd({ type: 'Get' }, { deadline: new Date('soon') })
    await expect(wrong).rejects.toMatchObject({ field: 'deadline' })
  })

  test('leaves no listener at its signal', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const { signal } = new AbortController()
    await ref.handleCmd({ type: 'Inc', inc: 1 }, { signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

test.each([
  [{ cmdID: 'a' }, 'options.cmdID'],
  [{ deadline: 5 }, 'deadline'],
  [{ signal: 3 }, 'signal'],
  [{ fresh: 'no' }, 'fresh'],
  [{ metadata: null }, 'metadata'],
  [{ metadata: ['a'] }, 'metadata'],
  [{ metadata: new Map([['a', 'b']]) }, 'metadata'],
  [null, 'options'],
])('options such as %j are refused', async (options, field) => {
  const { id, log, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, rest)
  // @ts-expect-error what a caller without the compiler may ask
  await expect(ref.handleCmd({ type: 'Inc', inc: 1 }, options)).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
  expect(await evtsOf(log, id)).toEqual([])
})
