import { describe, expect, test } from 'vitest'
import { EventSourcedError, RefusedError, type RefusedReason, UncertainError } from '../errors.js'
import type { Append, Persisted } from '../log/evt-log.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

const inc = { type: 'Inc', inc: 1 } as const
const get = { type: 'Get' } as const
const tooLarge = { type: 'Inc', inc: 1, times: 3 } as const

/** Takes no more than two events a command, and says how many appends it was asked for. */
class SmallEvtLog extends FaultyEvtLog {
  appends = 0

  override async persist(append: Append): Promise<Persisted> {
    this.appends += 1
    if (append.groups.some((group) => group.length > 2)) throw new RefusedError('too-large', 'too many events')
    return super.persist(append)
  }
}

async function spawnOnSmallLog(options: { supervision?: { start: number; waiting: 'fail' | 'keep' } } = {}) {
  const { id, log, ...rest } = fixture()
  const evtLog = new SmallEvtLog(log)
  return { id, log, evtLog, ref: await Entity.spawn(id, counter, { ...rest, ...options, evtLog }) }
}

describe('a command that the log refuses', () => {
  test.each([0, 311, 999])('among a thousand, at place %i, costs the others few appends', async (place) => {
    const { id, log, evtLog, ref } = await spawnOnSmallLog()
    const results = await Promise.allSettled(
      Array.from({ length: 1_000 }, (_, n) => ref.handleCmd(n === place ? tooLarge : inc)),
    )
    expect(results[place]).toMatchObject({ reason: { code: 'REFUSED', reason: 'too-large' } })
    const others = results.toSpliced(place, 1)
    expect(others).toMatchObject(others.map((_, n) => ({ value: { reply: n + 1, seqNo: n + 1 } })))
    expect(await evtsOf(log, id)).toHaveLength(999)
    // The whole, and two halves ten times at most.
    expect(evtLog.appends).toBeLessThanOrEqual(21)
  })

  test('with all others is found, and queries among them are answered in their places', async () => {
    const { id, log, ref } = await spawnOnSmallLog()
    const results = await Promise.allSettled([inc, tooLarge, get, tooLarge, inc, get].map((cmd) => ref.handleCmd(cmd)))
    const refused = { reason: { code: 'REFUSED' } }
    expect(results).toMatchObject([
      { value: { reply: 1 } },
      refused,
      { value: { reply: 1, seqNo: 1 } },
      refused,
      { value: { reply: 2 } },
      { value: { reply: 2, seqNo: 2 } },
    ])
    expect(await evtsOf(log, id)).toHaveLength(2)
  })

  test.each<RefusedReason>(['closed', 'full', 'forbidden'])(
    'as %s is not tried in halves: all of its append fail, queries do not',
    async (reason) => {
      const { id, log: _, ...rest } = fixture()
      const ref = await Entity.spawn(id, counter, rest)
      rest.evtLog.faults.fail('persist', { when: 'before', error: new RefusedError(reason, 'no') })
      const results = await Promise.allSettled([inc, get, inc].map((cmd) => ref.handleCmd(cmd)))
      const refused = { reason: { code: 'REFUSED', reason } }
      expect(results).toMatchObject([refused, { value: { reply: 0 } }, refused])
      expect(rest.evtLog.faults.count('persist')).toBe(1)
    },
  )
})

describe('while the entity recovers, commands are failed if so configured, each as what it is', () => {
  const lost = new UncertainError('the answer is lost')
  const fail = { start: 1, waiting: 'fail' } as const

  test('uncertain what may be stored; as not handled what stores nothing, was judged behind it or comes later', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: fail })
    rest.evtLog.faults.fail('persist', { when: 'after', error: lost })
    const recovering = rest.evtLog.faults.hold('head')
    const first = ref.handleCmd(inc)
    const judged = [
      ref.handleCmd(get),
      ref.handleCmd(get, { fresh: true }),
      ref.handleCmd({ type: 'Inc', inc: 1_000_001 }, { cmdId: 'a' }),
    ]
    await expect(first).rejects.toMatchObject({ code: 'UNCERTAIN' })
    for (const one of judged) await expect(one).rejects.toMatchObject({ code: 'RECOVERING' })
    await recovering.arrived
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'RECOVERING' })
    recovering.release()
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('also those that wait since a part of their append was refused', async () => {
    const { id, log, evtLog, ref } = await spawnOnSmallLog({ supervision: fail })
    evtLog.faults.fail('persist', { when: 'after', error: lost })
    // The whole is refused, the first half is uncertain, the second still waits.
    const [first, second, third, fourth] = await Promise.allSettled(
      [inc, inc, tooLarge, inc].map((cmd) => ref.handleCmd(cmd)),
    )
    expect([first, second]).toMatchObject([{ reason: { code: 'UNCERTAIN' } }, { reason: { code: 'UNCERTAIN' } }])
    expect([third, fourth]).toMatchObject([{ reason: { code: 'RECOVERING' } }, { reason: { code: 'RECOVERING' } }])
    expect(await evtsOf(log, id)).toHaveLength(2)
  })

  test('and those of a conflict, whose missing events can not be read for now', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: fail })
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    await other.handleCmd(inc)
    rest.evtLog.faults.fail('head', { when: 'before', error: new Error('no connection') })
    await expect(ref.handleCmd({ type: 'Inc', inc: 10 })).rejects.toMatchObject({ code: 'RECOVERING' })
    await expect.poll(() => ref.handleCmd(get).catch(() => undefined)).toMatchObject({ reply: 1 })
  })

  test('or else kept: what stores nothing is judged anew on what is stored then', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1 } })
    rest.evtLog.faults.fail('persist', { when: 'before', error: lost })
    const [uncertain, fresh, rejected] = await Promise.allSettled([
      ref.handleCmd({ type: 'Inc', inc: 5 }),
      ref.handleCmd(get, { fresh: true }),
      ref.handleCmd({ type: 'Inc', inc: 999_999 }, { cmdId: 'a' }),
    ])
    expect(uncertain).toMatchObject({ reason: { code: 'UNCERTAIN' } })
    expect(fresh).toMatchObject({ value: { reply: 0 } })
    expect(rejected).toMatchObject({ value: { ok: true, reply: 999_999 } })
  })
})

test('an entity that recovers fails where the log ends before what it has stored', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1 } })
  await ref.handleCmd(inc)
  rest.evtLog.faults.fail('persist', { when: 'before', error: new UncertainError('failing over') })
  // What is left after a fail-over to a server that had not heard of it.
  const { log: restored } = fixture()
  Object.assign(rest.evtLog, { head: restored.head.bind(restored), evtsById: restored.evtsById.bind(restored) })
  const [uncertain, query] = await Promise.allSettled([ref.handleCmd(inc), ref.handleCmd(get)])
  expect(uncertain).toMatchObject({ reason: { code: 'UNCERTAIN' } })
  expect(query).toMatchObject({ reason: { code: 'LOG_LOST_EVENTS' } })
})

test('an error of another copy of this package is known by its code', async () => {
  const { id, log: _, ...rest } = fixture()
  const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1 } })
  const foreign = (code: string) => Object.assign(new Error('from another copy'), { code })
  rest.evtLog.faults.fail('persist', { when: 'before', error: foreign('UNCERTAIN') })
  rest.evtLog.faults.fail('head', { when: 'before', error: foreign('UNAVAILABLE') })
  rest.evtLog.faults.fail('head', { when: 'before', error: foreign('ECONNRESET') })
  await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
  expect(await ref.handleCmd(inc)).toMatchObject({ reply: 1 })
  rest.evtLog.faults.fail('persist', { when: 'before', error: foreign('UNCERTAIN') })
  rest.evtLog.faults.fail('head', { when: 'before', error: foreign('LOG_LOST_EVENTS') })
  await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
  const ended = ref.handleCmd(inc)
  await expect(ended).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  await expect(ended).rejects.not.toBeInstanceOf(EventSourcedError)
})
