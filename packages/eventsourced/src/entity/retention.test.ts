import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import type { EvtLog } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'
import type { ProjectionProgress, Retention } from './retention.js'

const inc = { type: 'Inc', inc: 1 } as const

/** An entity with a snapshot every two events, after five commands of one event. */
async function afterFiveEvts(retention: Retention, spoil?: (parts: ReturnType<typeof fixture>) => void) {
  const parts = fixture()
  const { id, log, ...rest } = parts
  spoil?.(parts)
  const domain = { ...counter, snapshot: snapshotEvery(2) }
  const ref = await Entity.spawn(id, domain, { ...rest, retention })
  for (let n = 0; n < 5; n++) {
    await ref.handleCmd(inc)
    await new Promise(setImmediate)
  }
  await ref.stop()
  const again = async () => (await Entity.spawn(id, domain, { ...rest, retention })).handleCmd({ type: 'Get' })
  return { ...rest, id, again, seqNos: (await evtsOf(log, id)).map(({ seqNo }) => seqNo) }
}

describe('retention', () => {
  test('keeps all events unless told otherwise, and one snapshot', async () => {
    const { seqNos, snapshotStore, id } = await afterFiveEvts({})
    expect(seqNos).toEqual([1, 2, 3, 4, 5])
    expect(await snapshotStore.load({ typeName: 'counter', id }, { maxSeqNo: 3 })).toBeUndefined()
  })

  test('deletes the events before the one that the oldest kept snapshot stands on', async () => {
    const { seqNos, again } = await afterFiveEvts({ deleteEvts: true })
    expect(seqNos).toEqual([4, 5])
    expect(await again()).toMatchObject({ reply: 5, seqNo: 5 })
  })

  test('keeps as many snapshots as asked for, and the events from the oldest on', async () => {
    const { seqNos, snapshotStore, id, again } = await afterFiveEvts({ keep: 2, deleteEvts: true })
    expect(seqNos).toEqual([2, 3, 4, 5])
    expect(await snapshotStore.load({ typeName: 'counter', id }, { maxSeqNo: 3 })).toMatchObject({ seqNo: 2 })
    expect(await again()).toMatchObject({ reply: 5 })
  })

  test('never deletes an event that a projection named has not handled', async () => {
    const asked: unknown[] = []
    const at = (position: number): ProjectionProgress => ({
      position: async (typeName, slice) => {
        asked.push([typeName, slice])
        return position
      },
    })
    const { seqNos, id } = await afterFiveEvts({ deleteEvts: true, behind: [at(100), at(2)] })
    expect(seqNos).toEqual([3, 4, 5])
    expect(asked).toContainEqual(['counter', sliceOf(id)])
  })

  test.each([0, 1, 2, 50, 98, 99, 100])(
    'deletes up to the event %i where the slowest projection has come so far, however far the snapshots are',
    async (handled) => {
      const { id, log, ...rest } = fixture()
      // Others' events lie between those of this one.
      const behind = [{ position: async () => handled * 2 }]
      const domain = { ...counter, snapshot: (_: number, seqNo: number) => seqNo === 100 }
      const retention = { deleteEvts: true, behind }
      const ref = await Entity.spawn(id, domain, { ...rest, retention })
      const other = await Entity.spawn(randomUUID(), counter, { ...rest, evtLog: log })
      for (let n = 0; n < 50; n++) {
        await ref.handleCmd({ ...inc, times: 2 })
        await other.handleCmd({ ...inc, times: 2 })
      }
      await ref.stop()
      const first = (await evtsOf(log, id)).at(0)
      const kept = Math.min(handled + 1, 100)
      // The positions are 1, 2, 5, 6, 9, 10, …: by 2 n of them, n events or one more are handled.
      expect([kept, kept + (handled % 2)]).toContain(first?.seqNo)
      expect(first?.seqNo === 100 || (first?.position ?? 0) > handled * 2).toBe(true)
    },
  )

  test('keeps the events where their snapshot can not be read back', async () => {
    const { seqNos, again } = await afterFiveEvts({ deleteEvts: true }, ({ snapshotStore }) => {
      const error = new Error('the disk is gone')
      snapshotStore.faults.fail('load', { when: 'before', error }, 10)
    })
    expect(seqNos).toEqual([1, 2, 3, 4, 5])
    expect(await again()).toMatchObject({ reply: 5 })
  })

  test('is refused where no snapshot would stand for the deleted events', async () => {
    const { id, evtLog, binarizer } = fixture()
    const spawned = Entity.spawn(id, counter, { evtLog, binarizer, retention: { deleteEvts: true } })
    await expect(spawned).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'retention.deleteEvts' })
  })

  test('is refused where the snapshots would not last as long as the log', async () => {
    const { id, evtLog, binarizer, snapshotStore } = fixture()
    const durable = Object.defineProperty(evtLog, 'durable', { value: true })
    const spawn = (log: EvtLog) =>
      Entity.spawn(id, counter, { evtLog: log, binarizer, snapshotStore, retention: { deleteEvts: true } })
    await expect(spawn(durable)).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'retention.deleteEvts' })
    await (await spawn(fixture().evtLog)).stop()
  })

  test('of no snapshot is refused', async () => {
    const { id, log: _, ...rest } = fixture()
    const spawned = Entity.spawn(id, counter, { ...rest, retention: { keep: 0 } })
    await expect(spawned).rejects.toMatchObject({ field: 'retention.keep' })
  })
})
