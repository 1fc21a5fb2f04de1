import { describe, expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UnavailableError, UncertainError } from '../errors.js'
import { MemorySnapshotStore } from '../memory/memory-snapshot-store.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { FaultySnapshotStore } from '../testing/faulty-snapshot-store.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entities } from './entities.js'
import { Entity } from './entity.js'
import { isForgotten } from './forgotten.js'

const domain = { ...counter, snapshot: snapshotEvery(2) }
const inc = { type: 'Inc', inc: 1 } as const
const gone = { when: 'before', error: new UnavailableError('no connection') } as const

/** Two processes with faults of their own, on one log and one store. */
function processes(options: { conflictAttempts?: number; retention?: { deleteEvts: boolean; keep?: number } } = {}) {
  const { id, log, binarizer } = fixture()
  const store = new MemorySnapshotStore()
  const process = () => {
    const evtLog = new FaultyEvtLog(log)
    const snapshotStore = new FaultySnapshotStore(new MemorySnapshotStore({ storageOf: store }))
    const parts = { evtLog, snapshotStore, binarizer, ...options }
    return { ...parts, counters: new Entities(domain, { ...parts, supervision: { start: 1 } }) }
  }
  const here = process()
  const there = process()
  return { id, key: { typeName: 'counter', id }, log, store, binarizer, here, there }
}

/** What is stored of an entity besides the mark that it was forgotten. */
async function remains({ id, key, log, store }: ReturnType<typeof processes>) {
  const evts = (await evtsOf(log, id)).filter((evt) => !isForgotten(evt))
  const { seqNo } = await log.head(key)
  return { evts, snapshot: await store.load(key, { maxSeqNo: seqNo - 1 }) }
}
const NOTHING = { evts: [], snapshot: undefined }

describe('a forgotten entity', () => {
  test('begins anew: no events, no snapshot, no command ids, seqNos that go on', async () => {
    const parts = processes()
    const { id, here } = parts
    const ref = here.counters.ref(id)
    await ref.handleCmd({ type: 'Inc', inc: 5, times: 2 }, { cmdId: 'a' })
    await here.counters.forget(id)
    expect(await remains(parts)).toEqual(NOTHING)
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 0, seqNo: 3 })
    expect(await ref.handleCmd(inc, { cmdId: 'a' })).toMatchObject({ reply: 1, seqNo: 4 })
    await ref.stop()
    expect(await ref.handleCmd(inc, { cmdId: 'a' })).toMatchObject({ repeated: true, reply: 1 })
  })

  test('begins anew without a snapshot store, too', async () => {
    const { id, log, here } = processes()
    const { evtLog, binarizer } = here
    const counters = new Entities(counter, { evtLog, binarizer })
    await counters.ref(id).handleCmd({ type: 'Inc', inc: 5, times: 3 }, { cmdId: 'a' })
    await counters.forget(id)
    expect(await counters.ref(id).handleCmd(inc, { cmdId: 'a' })).toMatchObject({ reply: 1, seqNo: 5 })
    await counters.ref(id).stop()
    expect(await counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 1, seqNo: 5 })
    expect((await evtsOf(log, id)).map(({ seqNo }) => seqNo)).toEqual([4, 5])
  })

  test('leaves a mark that readers can tell from its events, and that nobody else can store', async () => {
    const { id, log, here } = processes()
    await here.counters.ref(id).handleCmd(inc)
    await here.counters.forget(id)
    await here.counters.ref(id).handleCmd(inc)
    const marks: boolean[] = []
    for await (const evt of log.evtsByType('counter')) marks.push(isForgotten(evt))
    expect(marks).toEqual([true, false])
    const forger = { ...here.binarizer, encodeEvt: () => ({ type: 'es-forgotten', version: 1, bytes: Buffer.of() }) }
    const forging = await Entity.spawn(id, counter, { evtLog: here.evtLog, binarizer: forger })
    await expect(forging.handleCmd(inc)).rejects.toMatchObject({ code: 'BINARIZER_FAILED' })
  })

  test('keeps the commands that come meanwhile for its next life', async () => {
    const { id, here } = processes()
    const ref = here.counters.ref(id)
    await ref.handleCmd({ type: 'Inc', inc: 5 })
    const held = here.evtLog.faults.hold('deleteEvts')
    const forgotten = here.counters.forget(id)
    await held.arrived
    const during = ref.handleCmd(inc)
    held.release()
    await forgotten
    expect(await during).toMatchObject({ reply: 1, seqNo: 3 })
  })

  test('is not live again before all is deleted, also where it was on its way out already', async () => {
    const { id, here } = processes()
    const ref = here.counters.ref(id)
    await ref.handleCmd({ type: 'Inc', inc: 5 })
    const held = here.evtLog.faults.hold('deleteEvts')
    const passivated = ref.stop()
    const forgotten = here.counters.forget(id)
    await passivated
    await held.arrived
    const during = ref.handleCmd(inc)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    expect(here.counters.live).toBe(0)
    held.release()
    await forgotten
    expect(await during).toMatchObject({ reply: 1, seqNo: 3 })
    await ref.stop()
    expect(await ref.handleCmd({ type: 'Get' })).toMatchObject({ reply: 1, seqNo: 3 })
  })

  test('is not forgotten after all where the entities are stopped before it is out', async () => {
    const { id, log, here } = processes()
    const held = here.evtLog.faults.hold('persist')
    const ref = here.counters.ref(id)
    const accepted = ref.handleCmd(inc)
    await held.arrived
    void ref.stop()
    const forgotten = here.counters.forget(id)
    const stopped = here.counters.stop()
    held.release()
    await expect(forgotten).rejects.toMatchObject({ code: 'STOPPED' })
    await stopped
    expect(await accepted).toMatchObject({ reply: 1 })
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test('need not exist', async () => {
    const { id, here } = processes()
    await here.counters.forget(id)
    expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1, seqNo: 1 })
  })
})

describe('forgetting half-way', () => {
  test.each([
    ['the mark is uncertain, and not stored', 5, 'persist'],
    ['the snapshots can not be read', 0, 'load'],
    ['the store can not be told', 0, 'save'],
    ['the events can not be deleted', 0, 'deleteEvts'],
  ] as const)(
    'where %s says so, leaves an entity that can be used, and is finished by doing it again',
    async (...row) => {
      const [, value, operation] = row
      const parts = processes({ retention: { deleteEvts: true } })
      const { id, here } = parts
      await here.counters.ref(id).handleCmd({ type: 'Inc', inc: 1, times: 4 })
      await here.counters.ref(id).stop()
      await here.counters.ref(id).handleCmd(inc)
      if (operation === 'persist') {
        await here.counters.ref(id).stop()
        here.evtLog.faults.fail('persist', { when: 'before', error: new UncertainError('the answer is lost') })
      } else if (operation === 'deleteEvts') here.evtLog.faults.fail(operation, gone)
      else here.snapshotStore.faults.fail(operation, gone)
      await expect(here.counters.forget(id)).rejects.toMatchObject({
        code: expect.stringMatching(/^(UNAVAILABLE|UNCERTAIN)$/),
      })
      expect(await here.counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: value })
      await here.counters.forget(id)
      expect(await remains(parts)).toEqual(NOTHING)
      expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1 })
    },
  )

  test('goes on where the log is unavailable for a while', async () => {
    const parts = processes()
    const { id, here } = parts
    await here.counters.ref(id).handleCmd(inc)
    here.evtLog.faults.fail('persist', gone, 2)
    await here.counters.forget(id)
    expect(await remains(parts)).toEqual(NOTHING)
  })

  test('goes behind what others store meanwhile, and gives up where they always do', async () => {
    const parts = processes({ conflictAttempts: 2 })
    const { id, here, there } = parts
    await here.counters.ref(id).handleCmd(inc)
    await here.counters.ref(id).stop()
    const interfere = (times: number) => {
      for (let n = 0; n < times; n++) here.evtLog.faults.before('persist', () => there.counters.ref(id).handleCmd(inc))
    }
    interfere(3)
    await expect(here.counters.forget(id)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await here.counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 4 })
    interfere(2)
    await here.counters.forget(id)
    expect(await remains(parts)).toEqual(NOTHING)
    expect(await there.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1 })
  })
})

describe('an entity that is live in another process when it is forgotten', () => {
  test('meets a conflict with its next command, begins anew, and forgets its command ids', async () => {
    const { id, here, there } = processes()
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 5 }, { cmdId: 'a' })
    await here.counters.ref(id).handleCmd({ type: 'Inc', inc: 5 })
    expect(await there.counters.ref(id).handleCmd({ type: 'Get' }, { fresh: true })).toMatchObject({ reply: 10 })
    await here.counters.forget(id)
    const after = [there.counters.ref(id).handleCmd(inc), there.counters.ref(id).handleCmd(inc, { cmdId: 'b' })]
    expect(await Promise.all(after)).toMatchObject([{ reply: 1 }, { reply: 2 }])
    expect(await there.counters.ref(id).handleCmd(inc, { cmdId: 'a' })).toMatchObject({ reply: 3 })
    expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 4 })
    await Promise.all([here, there].map(({ counters }) => counters.ref(id).stop()))
    expect(await here.counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 4 })
  })

  test('begins anew for a query that asks the log', async () => {
    const { id, here, there } = processes()
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 5 })
    await here.counters.forget(id)
    expect(await there.counters.ref(id).handleCmd({ type: 'Get' }, { fresh: true })).toMatchObject({ reply: 0 })
  })

  test('stores nothing by an append that arrives late', async () => {
    const parts = processes()
    const { id, here, there } = parts
    await there.counters.ref(id).handleCmd(inc)
    const late = there.evtLog.faults.late('persist', new UncertainError('the answer is lost'))
    await expect(there.counters.ref(id).handleCmd({ type: 'Inc', inc: 7 })).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await here.counters.forget(id)
    late.release()
    await new Promise(setImmediate)
    expect(await remains(parts)).toEqual(NOTHING)
    expect(await there.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1 })
    expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 2 })
  })

  test('brings nothing back by a snapshot that is saved late', async () => {
    const parts = processes()
    const { id, here, there } = parts
    const late = there.snapshotStore.faults.hold('save')
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 5, times: 2 })
    await late.arrived
    await here.counters.forget(id)
    late.release()
    await there.counters.ref(id).stop()
    expect(await remains(parts)).toEqual(NOTHING)
    for (const { counters } of [here, there]) {
      expect(await counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 0, seqNo: 3 })
    }
  })

  test('is recovered in the midst of it', async () => {
    const { id, here, there } = processes({ retention: { deleteEvts: true } })
    await here.counters.ref(id).handleCmd({ type: 'Inc', inc: 1, times: 4 })
    await here.counters.ref(id).stop()
    const held = here.snapshotStore.faults.hold('save')
    const forgotten = here.counters.forget(id)
    await held.arrived
    // The mark is stored, the snapshot is gone, and so are the events that it stood for.
    expect(await there.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1, seqNo: 6 })
    held.release()
    await forgotten
    expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 2, seqNo: 7 })
  })
})

describe('snapshots in the way of forgetting', () => {
  test('of an entity that has gone on elsewhere meanwhile stay, but not those from before', async () => {
    const parts = processes({ retention: { deleteEvts: true, keep: 2 } })
    const { id, key, store, here, there } = parts
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 5, times: 2 })
    await there.counters.ref(id).stop()
    const held = here.snapshotStore.faults.hold('load')
    const forgotten = here.counters.forget(id)
    await held.arrived
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 1, times: 4 })
    await there.counters.ref(id).stop()
    expect(await store.load(key, { maxSeqNo: 2 })).toBeDefined()
    held.release()
    await forgotten
    expect(await store.load(key, { maxSeqNo: 2 })).toBeUndefined()
    expect(await here.counters.ref(id).handleCmd({ type: 'Get' })).toMatchObject({ reply: 4, seqNo: 7 })
  })

  test('do not come back because forgetting again fails half-way', async () => {
    const parts = processes()
    const { id, here, there } = parts
    const late = there.snapshotStore.faults.hold('save')
    await there.counters.ref(id).handleCmd({ type: 'Inc', inc: 5, times: 2 })
    await late.arrived
    await here.counters.forget(id)
    here.snapshotStore.faults.fail('save', gone)
    await expect(here.counters.forget(id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    late.release()
    await there.counters.ref(id).stop()
    expect((await remains(parts)).snapshot).toMatchObject({ seqNo: 3 })
  })

  test('of events that the log has lost are deleted', async () => {
    const { id, key, store, here } = processes()
    await here.counters.ref(id).handleCmd({ type: 'Inc', inc: 1, times: 2 })
    await here.counters.ref(id).stop()
    const snapshot = await store.load(key)
    if (snapshot === undefined) throw new Error('no snapshot was taken')
    await store.save(key, { ...snapshot, seqNo: 9 })
    await expect(here.counters.ref(id).handleCmd(inc)).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
    await here.counters.forget(id)
    expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1, seqNo: 4 })
  })
})

test('an entity whose events are gone and that nobody forgot can not be spawned, until it is forgotten', async () => {
  const { id, key, log, here } = processes()
  await here.counters.ref(id).handleCmd(inc)
  await here.counters.ref(id).stop()
  await log.deleteEvts(key, 1)
  await expect(here.counters.ref(id).handleCmd(inc)).rejects.toMatchObject({ code: 'REPLAY_OUT_OF_ORDER' })
  await here.counters.forget(id)
  expect(await here.counters.ref(id).handleCmd(inc)).toMatchObject({ reply: 1, seqNo: 3 })
})
