import { randomUUID } from 'node:crypto'
import {
  appendIds,
  atLeastOnceGrouped,
  entityKey,
  jsonBinarizer,
  MemoryEvtLog,
  type ProjectedEvt,
  Projection,
} from 'eventsourced'
import { expect, onTestFinished, test } from 'vitest'
import { idOfSlice, newConfig, openStore } from './offset-store.test.fixture.js'

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

test('an event that is too large for the bucket stops its slice, and says so; other slices go on', async () => {
  const offsetStore = await openStore(newConfig())
  const binarizer = jsonBinarizer<{ readonly type: 'Noted'; readonly text: string }, unknown>({ evts: { Noted: [] } })
  const evtLog = new MemoryEvtLog()
  const nextAppendId = appendIds()
  const append = async (id: string, text: string) => {
    const key = entityKey('note', id)
    const { seqNo, position } = await evtLog.head(key)
    const groups = [[{ ...binarizer.encodeEvt({ type: 'Noted', text }), metadata: {} }]]
    const { head } = await evtLog.persist({ key, expected: { seqNo, position }, appendId: nextAppendId(), groups })
    return { key, position: head.position }
  }
  const [huge, small] = [idOfSlice(1), idOfSlice(2)]
  const projection = await Projection.start({
    name: 'too-large',
    typeName: 'note',
    evtLog,
    binarizer,
    handler: atLeastOnceGrouped(offsetStore, (evts: readonly ProjectedEvt<{ readonly text: string }>[]) => {
      if (evts.some(({ evt }) => evt.text !== 'good')) throw new Error('poison')
    }),
    onError: () => ({ kind: 'park' }),
  })
  onTestFinished(() => projection.stop())
  await append(huge, 'x'.repeat(2_000_000))
  await expect(projection.reached(await append(small, 'bad'))).rejects.toMatchObject({ code: 'PARKED' })
  await projection.reached(await append(idOfSlice(2), 'good'))
  await expect
    .poll(async () => (await projection.status()).slices[1])
    .toMatchObject({
      state: 'failed',
      lastError: { code: 'REFUSED', message: expect.stringMatching(`${huge}.*too large`), stopped: true },
    })
})

test('what is parked of a forgotten entity goes, and the handler hears of it', async () => {
  const offsetStore = await openStore(newConfig())
  const binarizer = jsonBinarizer<{ readonly type: 'Noted' }, unknown>({ evts: { Noted: [] } })
  const evtLog = new MemoryEvtLog()
  const key = entityKey('note', randomUUID())
  const note = { ...binarizer.encodeEvt({ type: 'Noted' }), metadata: {} }
  const mark = { type: 'es-forgotten', version: 1, bytes: new Uint8Array(0), metadata: {} }
  const groups = [...Array.from({ length: COUNT }, () => [note]), [mark]]
  const expected = { seqNo: 0, position: 0 }
  const { head } = await evtLog.persist({ key, expected, appendId: appendIds()(), groups })
  const forgotten: string[] = []
  const poisoned = () => {
    throw new Error('poison')
  }
  const projection = await Projection.start({
    name: 'forgetting',
    typeName: key.typeName,
    evtLog,
    binarizer,
    handler: atLeastOnceGrouped(offsetStore, poisoned, { onForgotten: (entity) => void forgotten.push(entity.key.id) }),
    onError: () => ({ kind: 'park' }),
  })
  onTestFinished(() => projection.stop())
  await projection.reached({ key, position: head.position })
  expect(forgotten).toEqual([key.id])
  for await (const parked of projection.manage.parked()) expect.unreachable(`${parked.evt.seqNo} is still parked`)
})
