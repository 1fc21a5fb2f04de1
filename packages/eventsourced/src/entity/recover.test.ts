import { describe, expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UnavailableError } from '../errors.js'
import { appendIds } from '../log/append-id.js'
import type { PersistedEvt } from '../log/evt-log.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { counter, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'
import { sealSnapshot } from './snapshot-envelope.js'

const key = (id: string) => ({ typeName: counter.typeName, id })

describe('a replay', () => {
  const altered = (change: (evts: PersistedEvt[]) => PersistedEvt[]) =>
    async function* (evts: AsyncIterable<PersistedEvt>) {
      const all: PersistedEvt[] = []
      for await (const evt of evts) all.push(evt)
      yield* change(all)
    }

  test.each([
    ['a gap', (evts: PersistedEvt[]) => evts.filter(({ seqNo }) => seqNo !== 2)],
    ['no beginning', (evts: PersistedEvt[]) => evts.slice(1)],
    ['no end', (evts: PersistedEvt[]) => evts.slice(0, -1)],
    ['a repeat', (evts: PersistedEvt[]) => evts.flatMap((evt) => [evt, evt])],
    ['another order', (evts: PersistedEvt[]) => evts.toReversed()],
    [
      'more than was asked for',
      (evts: PersistedEvt[]) => [...evts, ...evts.slice(-1).map((evt) => ({ ...evt, seqNo: 4 }))],
    ],
  ])('with %s is an error', async (_, change) => {
    const { id, log: __, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd({ type: 'Inc', inc: 1, times: 3 })
    rest.evtLog.alterEvtsById(altered(change))
    await expect(Entity.spawn(id, counter, rest)).rejects.toMatchObject({ code: 'REPLAY_OUT_OF_ORDER' })
    rest.evtLog.alterEvtsById()
    expect(await (await Entity.spawn(id, counter, rest)).handleCmd({ type: 'Get' })).toMatchObject({ reply: 3 })
  })

  test('that breaks off half-way leaves nothing half applied, neither state nor command ids', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1 } })
    const other = await Entity.spawn(id, counter, { ...rest, evtLog: log })
    for (const cmdId of ['a', 'b', 'c']) await other.handleCmd({ type: 'Inc', inc: 1 }, { cmdId })
    let breaks = 2
    rest.evtLog.alterEvtsById(async function* (evts) {
      for await (const evt of evts) {
        yield evt
        if (evt.seqNo === 2 && breaks-- > 0) throw new UnavailableError('the connection is lost')
      }
    })
    const results = [ref.handleCmd({ type: 'Inc', inc: 1 }), ref.handleCmd({ type: 'Inc', inc: 1 }, { cmdId: 'b' })]
    expect(await Promise.all(results)).toMatchObject([
      { reply: 4, seqNo: 4 },
      { repeated: true, reply: 2, seqNo: 2 },
    ])
    expect(breaks).toBe(-1)
  })

  test('that is overtaken by a deletion reads the newer snapshot', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(5) }, rest)
    await ref.handleCmd({ type: 'Inc', inc: 1, times: 3 })
    rest.evtLog.faults.before('evtsById', async () => {
      await ref.handleCmd({ type: 'Inc', inc: 1, times: 3 })
      await ref.stop()
      await log.deleteEvts(key(id), 4)
    })
    const again = await Entity.spawn(id, counter, rest)
    expect(await again.handleCmd({ type: 'Get' })).toMatchObject({ reply: 6, seqNo: 6 })
  })
})

describe('a snapshot', () => {
  /** An entity of three events with a snapshot at the second. */
  async function snapshotted() {
    const parts = fixture()
    const { id, log: _, ...rest } = parts
    const ref = await Entity.spawn(id, { ...counter, snapshot: (_state, seqNo) => seqNo === 2 }, rest)
    await ref.handleCmd({ type: 'Inc', inc: 1, times: 2 })
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    await ref.stop()
    const snapshot = await rest.snapshotStore.load(key(id))
    if (snapshot === undefined) throw new Error('no snapshot was taken')
    return { ...parts, rest, snapshot }
  }

  test('spares the replay of the events before it', async () => {
    const { id, rest, log } = await snapshotted()
    await log.deleteEvts(key(id), 1)
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 3, seqNo: 3 })
  })

  test('that fails to be saved is survived', async () => {
    const { id, log: _, ...rest } = fixture()
    rest.snapshotStore.faults.fail('save', { when: 'before', error: new Error('the disk is gone') })
    const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(1) }, rest)
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ ok: true })
    await ref.stop()
    expect(await (await Entity.spawn(id, counter, rest)).handleCmd({ type: 'Get' })).toMatchObject({ reply: 1 })
  })

  test('never delays a reply', async () => {
    const { id, log: _, ...rest } = fixture()
    const held = rest.snapshotStore.faults.hold('save')
    const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(1) }, rest)
    for (const reply of [1, 2, 3]) expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply })
    await held.arrived
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 4 })
    expect(rest.snapshotStore.faults.count('save')).toBe(1)
    held.release()
    await ref.stop()
    expect(await rest.snapshotStore.load(key(id))).toMatchObject({ seqNo: 4 })
  })

  test.each([
    ['that can not be loaded', (bytes: Uint8Array) => bytes, 0, true],
    ['of another version', (bytes: Uint8Array) => bytes, 7, false],
    ['that is cut', (bytes: Uint8Array) => bytes.subarray(0, 3), 0, false],
    [
      'with a flipped bit',
      (bytes: Uint8Array) => bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte)),
      0,
      false,
    ],
    ['whose state can not be decoded', () => sealSnapshot({ state: Buffer.from('{'), window: [] }), 0, false],
    ['of another format', (bytes: Uint8Array) => bytes.map((byte, index) => (index === 0 ? 99 : byte)), 0, false],
  ])('%s is passed over, unless its events are gone', async (_, change, version, unloadable) => {
    const { id, rest, log, snapshot } = await snapshotted()
    await rest.snapshotStore.delete(key(id))
    await rest.snapshotStore.save(key(id), { ...snapshot, version, bytes: change(snapshot.bytes) })
    const spoil = () => {
      if (unloadable) rest.snapshotStore.faults.fail('load', { when: 'before', error: new UnavailableError('gone') }, 2)
    }
    spoil()
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 3 })
    await log.deleteEvts(key(id), 2)
    await ref.stop()
    rest.snapshotStore.faults.clear()
    spoil()
    const code = unloadable ? 'UNAVAILABLE' : 'SNAPSHOT_UNREADABLE'
    await expect(Entity.spawn(id, counter, rest)).rejects.toMatchObject({ code })
  })

  test('that is unreadable gives way to an older one', async () => {
    const { id, rest, log, snapshot } = await snapshotted()
    const newer = { ...snapshot, seqNo: 3, bytes: Buffer.from('corrupt') }
    await rest.snapshotStore.save(key(id), newer, { keep: 2 })
    await log.deleteEvts(key(id), 1)
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 3 })
  })

  test('ahead of the log means that the log lost events', async () => {
    const { id, rest, snapshot } = await snapshotted()
    await rest.snapshotStore.save(key(id), { ...snapshot, seqNo: 4 })
    await expect(Entity.spawn(id, counter, rest)).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  })

  test('ahead of a log that can not say for sure how far it reaches means nothing: it is unavailable, and recovered later', async () => {
    const { id, log, rest } = await snapshotted()
    // As a server that is cut off from the others answers.
    const head = async () => ({ seqNo: 0, position: 0, appendId: '' })
    const evtLog = Object.assign(new FaultyEvtLog(log), { head })
    evtLog.faults.fail('headPosition', { when: 'before', error: new UnavailableError('no leader answers') })
    await expect(Entity.spawn(id, counter, { ...rest, evtLog })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const ref = await Entity.spawn(id, counter, rest)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 3 })
  })

  test.each([2, 3])(
    "at event %i that stands on another writer's event means that the log lost events",
    async (seqNo) => {
      const { id, rest, snapshot } = await snapshotted()
      await rest.snapshotStore.delete(key(id))
      await rest.snapshotStore.save(key(id), { ...snapshot, seqNo, appendId: appendIds()() })
      await expect(Entity.spawn(id, counter, rest)).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
    },
  )
})
