import { randomUUID } from 'node:crypto'
import { appendIds, atLeastOnceGrouped, entityKey, jsonBinarizer, MemoryEvtLog, Projection } from 'eventsourced'
import { expect, onTestFinished, test } from 'vitest'
import { newConfig, openStore } from './offset-store.test.fixture.js'

const COUNT = 1_200

test('an entity may have more events to park in a batch than the bucket takes at once', async () => {
  const offsetStore = await openStore(newConfig())
  const binarizer = jsonBinarizer<{ readonly type: 'Noted' }, unknown>({ evts: { Noted: [] } })
  const evtLog = new MemoryEvtLog()
  const key = entityKey('note', randomUUID())
  const evts = Array.from({ length: COUNT }, () => ({ ...binarizer.encodeEvt({ type: 'Noted' }), metadata: {} }))
  const expected = { seqNo: 0, position: 0 }
  const { head } = await evtLog.persist({ key, expected, appendId: appendIds()(), groups: [evts] })
  const poisoned = () => {
    throw new Error('poison')
  }
  const projection = await Projection.start({
    name: 'parking',
    typeName: key.typeName,
    evtLog,
    binarizer,
    handler: atLeastOnceGrouped(offsetStore, poisoned, { maxEvts: 5_000 }),
    onError: () => ({ kind: 'park' }),
  })
  onTestFinished(() => projection.stop())
  const reached = projection.reached({ key, position: head.position })
  await expect(reached).rejects.toMatchObject({ code: 'PARKED' })
  const seqNos: number[] = []
  for await (const { evt } of projection.manage.parked()) seqNos.push(evt.seqNo)
  expect(seqNos).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1))
})
