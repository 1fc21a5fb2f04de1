import { describe, expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { hasCode, RefusedError } from '../errors.js'
import type { Append, Persisted } from '../log/evt-log.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

class StoresTwoGroups extends FaultyEvtLog {
  override persist(append: Append): Promise<Persisted> {
    return super.persist({ ...append, groups: append.groups.slice(0, 2) })
  }
}

class RefusesLargeGroups extends FaultyEvtLog {
  override async persist(append: Append): Promise<Persisted> {
    if (append.groups.some((group) => group.length > 2)) throw new RefusedError('too-large', 'too many events')
    return super.persist(append)
  }
}

function parts() {
  const { evtLog, binarizer } = fixture()
  return { evtLog, binarizer }
}

describe('an entity', () => {
  test('stores the events of a command and answers with them, their place and the reply', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const result = await ref.handleCmd({ type: 'Inc', inc: 5 })
    expect(result).toEqual({
      ok: true,
      key: { typeName: 'counter', id },
      seqNo: 1,
      position: 1,
      evts: [{ type: 'Increased', inc: 5 }],
      reply: 5,
    })
    expect(await evtsOf(log, id)).toMatchObject([{ seqNo: 1, position: 1, type: 'Increased', version: 1 }])
  })

  test('rejects with the value that the handler gave, and stores nothing', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd({ type: 'Inc', inc: 7 })
    const result = await ref.handleCmd({ type: 'Inc', inc: 1_000_000 })
    expect(result).toEqual({ ok: false, rejection: { type: 'Overflow', value: 7, inc: 1_000_000 } })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('answers a query with where it stands', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ seqNo: 0, position: 0, reply: 0 })
    await ref.handleCmd({ type: 'Inc', inc: 1, times: 3 })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ seqNo: 3, position: 3, reply: 3, evts: [] })
  })

  test('is recovered from its events', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd({ type: 'Inc', inc: 5, times: 2 })
    await ref.stop()
    const again = await Entity.spawn(id.toUpperCase(), counter, rest)
    expect(again.id).toBe(id)
    expect(await again.handleCmd({ type: 'Get' })).toMatchObject({ reply: 10, seqNo: 2 })
    expect(await again.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 11, seqNo: 3 })
  })

  test('stores the metadata that its caller gave with each event', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const metadata: Record<string, string> = { correlation: 'c-1' }
    const handled = ref.handleCmd({ type: 'Inc', inc: 1, times: 2 }, { metadata })
    metadata['correlation'] = 'changed later'
    await handled
    expect((await evtsOf(log, id)).map((evt) => evt.metadata)).toEqual([{ correlation: 'c-1' }, { correlation: 'c-1' }])
  })

  test.each([
    ['an id that is no UUID', { id: 'x' }, /id is "x": expected a UUID/],
    ['a mailbox of no size', { mailboxSize: 0 }, /mailboxSize is 0/],
    ['a mailbox of half a size', { mailboxSize: 1.5 }, /mailboxSize is 1.5/],
    ['no attempt', { conflictAttempts: -1 }, /conflictAttempts is -1/],
  ])('is not spawned with %s', async (_, wrong, message) => {
    const { id, log: __, ...rest } = fixture()
    const { id: wrongId, ...options } = { id, ...wrong }
    const spawned = Entity.spawn(wrongId, counter, { ...rest, ...options })
    await expect(spawned).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringMatching(message) })
  })

  test.each([
    [undefined, 'options'],
    [{}, 'options.evtLog'],
    [{ evtLog: fixture().evtLog }, 'options.binarizer'],
    [{ ...parts(), mailboxsize: 3 }, 'options.mailboxsize'],
    [{ ...parts(), retention: { deletEvts: true } }, 'retention.deletEvts'],
    [{ ...parts(), retention: null }, 'retention'],
    [{ ...parts(), retention: { behind: [{ positions: 1 }] } }, 'retention.behind[0]'],
    [{ ...parts(), binarizer: { ...fixture().binarizer, decodeReply: undefined } }, 'options.binarizer'],
    [{ ...parts(), binarizer: { ...fixture().binarizer, stateVersion: 'v2' } }, 'stateVersion'],
    [{ ...parts(), supervision: { max: 1, stat: 2 } }, 'supervision.stat'],
  ])('is not spawned with options %#', async (options, field) => {
    const { id } = fixture()
    // @ts-expect-error what a caller without the compiler may give
    await expect(Entity.spawn(id, counter, options)).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
  })

  test('is not spawned with a behaviour of a full mailbox that does not exist', async () => {
    const { id, log: _, ...rest } = fixture()
    // @ts-expect-error it is 'wait' or 'fail'
    const spawned = Entity.spawn(id, counter, { ...rest, mailboxFull: 'drop' })
    await expect(spawned).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'mailboxFull' })
  })

  test('refuses metadata that can not be stored, at once', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await expect(ref.handleCmd({ type: 'Get' }, { metadata: { a: '\ud800' } })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'metadata["a"]',
    })
  })
})

describe('commands that wait together', () => {
  test('are stored as one append and answered in order', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const answered: number[] = []
    await Promise.all(
      [1, 2, 3, 4].map(async (inc) => {
        const { ok } = await ref.handleCmd({ type: 'Inc', inc })
        if (ok) answered.push(inc)
      }),
    )
    expect(answered).toEqual([1, 2, 3, 4])
    expect(rest.evtLog.faults.count('persist')).toBe(1)
  })

  test('see the events of those before them, stored or not yet', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const results = await Promise.all([
      ref.handleCmd({ type: 'Get' }),
      ref.handleCmd({ type: 'Inc', inc: 999_999 }),
      ref.handleCmd({ type: 'Inc', inc: 2 }),
      ref.handleCmd({ type: 'Inc', inc: 1 }),
      ref.handleCmd({ type: 'Get' }),
    ])
    expect(results).toMatchObject([
      { reply: 0, seqNo: 0 },
      { reply: 999_999, seqNo: 1 },
      { rejection: { value: 999_999 } },
      { reply: 1_000_000, seqNo: 2 },
      { reply: 1_000_000, seqNo: 2, position: 2 },
    ])
  })

  test('are kept while an append is in flight and stored together after it', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd({ type: 'Inc', inc: 1 })
    await held.arrived
    const others = [1, 2, 3].map(() => ref.handleCmd({ type: 'Inc', inc: 1 }))
    held.release()
    expect(await Promise.all([first, ...others])).toMatchObject([
      { seqNo: 1 },
      { seqNo: 2 },
      { seqNo: 3 },
      { seqNo: 4 },
    ])
    expect(rest.evtLog.faults.count('persist')).toBe(2)
  })

  test('are all answered where the log stores a part of an append only', async () => {
    const { id, log, ...rest } = fixture()
    const evtLog = new StoresTwoGroups(log)
    const ref = await Entity.spawn(id, counter, { ...rest, evtLog })
    const results = await Promise.all([
      ...[1, 2, 3, 4, 5].map((inc) => ref.handleCmd({ type: 'Inc', inc, times: inc })),
      ref.handleCmd({ type: 'Get' }),
    ])
    expect(results).toMatchObject([
      { seqNo: 1, reply: 1 },
      { seqNo: 3, reply: 5 },
      { seqNo: 6, reply: 14 },
      { seqNo: 10, reply: 30 },
      { seqNo: 15, reply: 55 },
      { seqNo: 15, reply: 55, position: 15 },
    ])
    expect((await evtsOf(log, id)).map(({ seqNo }) => seqNo)).toEqual(Array.from({ length: 15 }, (_, n) => n + 1))
  })
})

describe('a full mailbox', () => {
  test('fails further commands at once, if so configured, and takes new ones later', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, mailboxSize: 2, mailboxFull: 'fail' })
    const held = rest.evtLog.faults.hold('persist')
    const first = ref.handleCmd({ type: 'Inc', inc: 1 })
    await held.arrived
    const waiting = [ref.handleCmd({ type: 'Inc', inc: 1 }), ref.handleCmd({ type: 'Inc', inc: 1 })]
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 })).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    held.release()
    await Promise.all([first, ...waiting])
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 3 })
  })

  test('makes callers wait otherwise, and no append holds more than it', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, mailboxSize: 2 })
    const results = await Promise.all([1, 2, 3, 4, 5].map((inc) => ref.handleCmd({ type: 'Inc', inc })))
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
    expect(rest.evtLog.faults.count('persist')).toBe(3)
  })
})

describe('many commands that store nothing', () => {
  test.each([
    ['wait for a small mailbox', { mailboxSize: 1 }, 20_000],
    ['wait behind a command that the log refuses', { mailboxSize: 20_000 }, 9_000],
  ])('are all answered where they %s', async (_, options, count) => {
    const { id, log: __, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, ...options })
    rest.evtLog.faults.fail('persist', { when: 'before', error: new RefusedError('too-large', 'too large') })
    const stored = [1, 2].map(() => ref.handleCmd({ type: 'Inc', inc: 1 }).catch(() => undefined))
    const queries = await Promise.all(Array.from({ length: count }, () => ref.handleCmd({ type: 'Get' })))
    expect(queries).toHaveLength(count)
    await Promise.all(stored)
    await ref.stop()
  })
})

describe('a command that the log refuses', () => {
  test('fails alone, as what it is', async () => {
    const { id, log, ...rest } = fixture()
    const evtLog = new RefusesLargeGroups(log)
    const ref = await Entity.spawn(id, counter, { ...rest, evtLog })
    const [first, tooLarge, query, last] = await Promise.allSettled([
      ref.handleCmd({ type: 'Inc', inc: 1 }),
      ref.handleCmd({ type: 'Inc', inc: 10, times: 3 }),
      ref.handleCmd({ type: 'Get' }),
      ref.handleCmd({ type: 'Inc', inc: 1 }),
    ])
    expect(first).toMatchObject({ value: { reply: 1 } })
    expect(tooLarge).toMatchObject({ reason: { code: 'REFUSED', reason: 'too-large' } })
    expect(query).toMatchObject({ value: { reply: 1, seqNo: 1 } })
    expect(last).toMatchObject({ value: { reply: 2, seqNo: 2 } })
  })
})

describe('stopping', () => {
  test('finishes what was accepted, snapshots too, and refuses what comes later', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(2) }, rest)
    const accepted = [1, 2, 3].map((inc) => ref.handleCmd({ type: 'Inc', inc }))
    const stopped = ref.stop()
    const late = ref.handleCmd({ type: 'Inc', inc: 4 })
    await expect(late).rejects.toSatisfy((error) => hasCode(error, 'STOPPED'))
    expect(await Promise.all(accepted)).toMatchObject([{ reply: 1 }, { reply: 3 }, { reply: 6 }])
    await stopped
    await ref.stop()
    expect(rest.snapshotStore.faults.count('save')).toBe(1)
    expect(await rest.snapshotStore.load({ typeName: 'counter', id })).toMatchObject({ seqNo: 2 })
  })
})
