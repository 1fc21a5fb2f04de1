import { randomUUID } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UnavailableError, UncertainError } from '../errors.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entities } from './entities.js'
import type { Supervision } from './options.js'

const ids = (count: number) => Array.from({ length: count }, () => randomUUID())
const inc = { type: 'Inc', inc: 1 } as const

function entities(
  options: { maxLive?: number; idleTimeout?: number; maxRecoveries?: number; supervision?: Supervision } = {},
) {
  const { id, log, evtLog, snapshotStore, binarizer } = fixture()
  return {
    id,
    log,
    evtLog,
    snapshotStore,
    entities: new Entities(counter, { evtLog, snapshotStore, binarizer, ...options }),
  }
}

describe('entities', () => {
  test('spawn an entity with its first command, once however many ask', async () => {
    const { id, evtLog, entities: counters } = entities()
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) => counters.ref(n % 2 === 0 ? id : id.toUpperCase()).handleCmd(inc)),
    )
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(await counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 50 })
    expect(evtLog.faults.count('head')).toBe(1)
    expect(counters.live).toBe(1)
  })

  test('refuse an id that is no UUID, at once', () => {
    const { entities: counters } = entities()
    expect(() => counters.ref('1')).toThrow(/id is "1"/)
  })

  test.each([
    [{ maxLive: 0 }, 'maxLive'],
    [{ idleTimeout: -1 }, 'idleTimeout'],
    [{ maxRecoveries: 1.5 }, 'maxRecoveries'],
  ])('refuse %j', (options, field) => {
    expect(() => entities(options)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', field }))
  })

  test('fail the commands that wait for an entity which can not be recovered, and try again with the next', async () => {
    const { id, evtLog, entities: counters } = entities()
    evtLog.faults.fail('head', { when: 'before', error: new UnavailableError('no connection') })
    const [first, second] = await Promise.allSettled([counters.ref(id).handleCmd(inc), counters.ref(id).handleCmd(inc)])
    expect(first).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
    expect(second).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
    expect(counters.live).toBe(0)
    expect(await counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1 })
  })

  test('recover so many at once and no more, in the order in which they were asked for', async () => {
    const { evtLog, entities: counters } = entities({ maxRecoveries: 2 })
    const [a = '', b = '', c = '', d = ''] = ids(4)
    const held = [evtLog.faults.hold('head'), evtLog.faults.hold('head')]
    const answered: string[] = []
    const all = [a, b, c, d].map(async (id) => {
      await counters.ref(id).handleCmd(inc)
      answered.push(id)
    })
    await Promise.all(held.map(({ arrived }) => arrived))
    expect(evtLog.faults.count('head')).toBe(2)
    for (const { release } of held) release()
    await Promise.all(all)
    expect(answered).toEqual([a, b, c, d])
  })

  test('recover no more at once after a failure than they spawn', async () => {
    const { evtLog, entities: counters } = entities({ maxRecoveries: 2, supervision: { start: 0 } })
    const all = ids(20)
    for (const id of all) await counters.ref(id).handleCmd(inc)
    evtLog.faults.fail('persist', { when: 'after', error: new UncertainError('the answer is lost') }, all.length)
    let reading = 0
    let most = 0
    const read = evtLog.head.bind(evtLog)
    vi.spyOn(evtLog, 'head').mockImplementation(async (key) => {
      reading += 1
      most = Math.max(most, reading)
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      reading -= 1
      return read(key)
    })
    const lost = await Promise.allSettled(all.map((id) => counters.ref(id).handleCmd(inc)))
    expect(lost).toMatchObject(all.map(() => ({ reason: { code: 'UNCERTAIN' } })))
    const queries = await Promise.all(all.map((id) => counters.ref(id).handleCmd({ type: 'Get' })))
    expect(queries).toMatchObject(all.map(() => ({ reply: 2 })))
    expect(most).toBe(2)
  })

  test('passivate the least recently used beyond the bound', async () => {
    const { evtLog, entities: counters } = entities({ maxLive: 2 })
    const [a = '', b = '', c = ''] = ids(3)
    for (const id of [a, b, a, c]) await counters.ref(id).handleCmd(inc)
    await vi.waitFor(() => expect(counters.live).toBe(2))
    const spawned = evtLog.faults.count('head')
    for (const id of [a, c]) await counters.ref(id).handleCmd(inc)
    expect(evtLog.faults.count('head')).toBe(spawned)
    expect(await counters.ref(b).handleCmd(inc)).toMatchObject({ reply: 2 })
    expect(evtLog.faults.count('head')).toBe(spawned + 1)
  })

  test('passivate what is idle', async () => {
    const { id, entities: counters } = entities({ idleTimeout: 20 })
    await counters.ref(id).handleCmd(inc)
    await vi.waitFor(() => expect(counters.live).toBe(0))
    expect(await counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 2 })
  })

  test('lose no command that comes during passivation', async () => {
    const { id, evtLog, entities: counters } = entities()
    const ref = counters.ref(id)
    const held = evtLog.faults.hold('persist')
    const first = ref.handleCmd(inc)
    await held.arrived
    const passivated = ref.stop()
    const during = [ref.handleCmd(inc), ref.handleCmd(inc)]
    held.release()
    await passivated
    expect(await Promise.all([first, ...during])).toMatchObject([{ reply: 1 }, { reply: 2 }, { reply: 3 }])
  })

  test('lose nothing while far more entities than the bound come and go', async () => {
    const { log, entities: counters } = entities({ maxLive: 5, maxRecoveries: 3 })
    const all = ids(40)
    await Promise.all(
      Array.from({ length: 400 }, async (_, n) => {
        await counters.ref(all[(n * 7) % all.length] ?? '').handleCmd(inc)
        await counters.ref(all[(n * 3) % all.length] ?? '').handleCmd(inc)
      }),
    )
    await vi.waitFor(() => expect(counters.live).toBeLessThanOrEqual(5))
    const counts = await Promise.all(all.map(async (id) => (await evtsOf(log, id)).length))
    expect(counts.reduce((sum, count) => sum + count)).toBe(800)
  })

  test('replace an entity that failed', async () => {
    const { id, evtLog, entities: counters } = entities()
    await counters.ref(id).handleCmd(inc)
    const other = entities()
    const lost = vi.spyOn(evtLog, 'head').mockImplementation((key) => other.log.head(key))
    const conflict = vi.spyOn(evtLog, 'persist').mockImplementation((append) => other.log.persist(append))
    await expect(counters.ref(id).handleCmd(inc)).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
    lost.mockRestore()
    conflict.mockRestore()
    expect(await counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 2 })
  })

  test('make no command wait for a snapshot, be it of an entity that was passivated: the next one goes on saving', async () => {
    const { id, evtLog, snapshotStore, binarizer } = fixture()
    const counters = new Entities({ ...counter, snapshot: snapshotEvery(1) }, { evtLog, snapshotStore, binarizer })
    const ref = counters.ref(id)
    const saving = snapshotStore.faults.hold('save')
    await ref.handleCmd(inc)
    await saving.arrived
    const passivated = ref.stop()
    expect(await ref.handleCmd(inc)).toMatchObject({ reply: 2 })
    const again = ref.stop()
    expect(await ref.handleCmd(inc)).toMatchObject({ reply: 3 })
    expect(snapshotStore.faults.count('save')).toBe(1)
    const stopped = counters.stop()
    saving.release()
    await Promise.all([passivated, again, stopped])
    expect(snapshotStore.faults.count('save')).toBe(2)
    expect(await snapshotStore.load({ typeName: 'counter', id })).toMatchObject({ seqNo: 3 })
  })

  test('replace an entity that failed at once, and forget it though its last snapshot comes late', async () => {
    const { id, evtLog, snapshotStore, binarizer } = fixture()
    const domain = { ...counter, snapshot: snapshotEvery(1) }
    const counters = new Entities(domain, { evtLog, snapshotStore, binarizer, supervision: { start: 0, attempts: 1 } })
    const ref = counters.ref(id)
    const saving = snapshotStore.faults.hold('save')
    await ref.handleCmd(inc)
    await saving.arrived
    evtLog.faults.fail('persist', { when: 'before', error: new UncertainError('the answer is lost') })
    evtLog.faults.fail('head', { when: 'before', error: new UnavailableError('no connection') })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'RECOVERY_FAILED' })
    expect(await ref.handleCmd(inc)).toMatchObject({ reply: 2 })
    const forgotten = counters.forget(id)
    saving.release()
    await forgotten
    await ref.stop()
    expect(await snapshotStore.load({ typeName: 'counter', id })).toMatchObject({ seqNo: 3 })
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 0 })
  })

  test('when stopped finish what was accepted, also by entities that are only about to live, and refuse later commands', async () => {
    const { log, entities: counters } = entities({ maxRecoveries: 2 })
    const all = ids(20)
    const accepted = all.map((id) => counters.ref(id).handleCmd(inc))
    const stopped = counters.stop()
    await expect(counters.ref(all[0] ?? '').handleCmd(inc)).rejects.toMatchObject({ code: 'STOPPED' })
    await expect(counters.forget(all[0] ?? '')).rejects.toMatchObject({ code: 'STOPPED' })
    await stopped
    await counters.stop()
    expect(await Promise.all(accepted)).toMatchObject(all.map(() => ({ reply: 1 })))
    expect(counters.live).toBe(0)
    for (const id of all) expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('stop 10,000 at once and lose nothing', async () => {
    const { log, entities: counters } = entities()
    const all = ids(10_000)
    const accepted = all.flatMap((id) => [counters.ref(id).handleCmd(inc), counters.ref(id).handleCmd(inc)])
    await counters.stop()
    const results = await Promise.all(accepted)
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(await log.headPosition()).toBe(20_000)
  })
})
