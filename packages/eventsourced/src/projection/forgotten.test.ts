import { afterEach, beforeEach, expect, test } from 'vitest'
import { atLeastOnce, atLeastOnceGrouped } from './at-least-once.js'
import type { ForgottenEntity, ProjectedEvt } from './delivery.js'
import { after, Bench, newId, note, type Noted } from './projection.test.fixture.js'
import type { RunningProjection } from './projection.js'

let bench: Bench
/** By id, what handlers were told: the numbers of events, and that the entity was forgotten. */
let told: Map<string, (number | 'forgotten')[]>
beforeEach(() => {
  bench = new Bench()
  told = new Map()
})
afterEach(() => bench.end())

function tell(id: string, what: number | 'forgotten'): void {
  told.set(id, [...(told.get(id) ?? []), what])
}

const handle = ({ key, evt }: ProjectedEvt<Noted>) => tell(key.id, evt.n)
const onForgotten = ({ key }: ForgottenEntity) => tell(key.id, 'forgotten')
const forget = (id: string) => note(bench.evtLog, id, 1, { type: 'es-forgotten' })

async function parkedSeqNos(projection: RunningProjection): Promise<readonly number[]> {
  const seqNos: number[] = []
  for await (const { evt } of projection.manage.parked()) seqNos.push(evt.seqNo)
  return seqNos
}

test.for([
  ['one by one', () => atLeastOnce<Noted>(bench.store, handle, { onForgotten })],
  [
    'in groups',
    () =>
      atLeastOnceGrouped<Noted>(bench.store, (evts) => evts.forEach((evt) => handle(evt)), { onForgotten, maxEvts: 7 }),
  ],
] as const)(
  'handlers that get events %s hear of a forgotten entity in its place among its events',
  async ([, handler]) => {
    const [id, other] = [newId(1), newId(1)]
    await bench.note(id, 3)
    await bench.note(other, 3)
    await forget(id)
    await bench.note(other, 3)
    await bench.note(id, 2)
    const projection = await bench.start({ handler: handler() })
    await projection.manage.caughtUp()
    expect(told.get(id)).toEqual([1, 2, 3, 'forgotten', 5, 6])
    expect(told.get(other)).toEqual([1, 2, 3, 4, 5, 6])
  },
)

test('what handlers hear of names the entity, and the mark in the log', async () => {
  const id = newId()
  const entities: ForgottenEntity[] = []
  const handler = atLeastOnce<Noted>(bench.store, handle, { onForgotten: (entity) => void entities.push(entity) })
  const projection = await bench.start({ handler })
  await bench.note(id)
  const { key, position } = await forget(id)
  await projection.reached({ key, position })
  expect(entities).toEqual([{ key, seqNo: 2, position, time: expect.any(Date) }])
})

test('an entity is not forgotten by halves: the handler is called again until it has done so, and then come later events', async () => {
  const id = newId()
  let failures = 2
  const handler = atLeastOnce<Noted>(bench.store, handle, {
    onForgotten: (entity) => {
      if (failures-- > 0) throw new Error('not yet')
      onForgotten(entity)
    },
  })
  const projection = await bench.start({ handler, onError: after(3, 'stop') })
  await bench.note(id)
  await forget(id)
  await projection.reached(await bench.note(id))
  expect(told.get(id)).toEqual([1, 'forgotten', 3])
})

test('where it is given up, the mark is parked, with what is behind it, and retried before that', async () => {
  const id = newId()
  let isHealed = false
  const handler = atLeastOnce<Noted>(
    bench.store,
    (evt) => {
      if (evt.seqNo === 1) throw new Error('poison')
      handle(evt)
    },
    {
      onForgotten: (entity) => {
        if (!isHealed) throw new Error('not yet')
        onForgotten(entity)
      },
    },
  )
  const projection = await bench.start({ handler, onError: after(2, 'park') })
  await bench.note(id, 2)
  await expect.poll(() => parkedSeqNos(projection)).toEqual([1, 2])
  await forget(id)
  await bench.note(id)
  // What was parked of what is forgotten is gone.
  await expect.poll(() => parkedSeqNos(projection)).toEqual([3, 4])
  isHealed = true
  await projection.manage.retryParked(id)
  await expect.poll(() => parkedSeqNos(projection)).toEqual([])
  await projection.reached(await bench.note(id))
  expect(told.get(id)).toEqual(['forgotten', 4, 5])
})

test('who does not want to hear of it is not called, and goes on', async () => {
  const id = newId()
  const projection = await bench.start({ handler: atLeastOnce<Noted>(bench.store, handle) })
  await bench.note(id)
  await forget(id)
  await projection.reached(await bench.note(id))
  expect(told.get(id)).toEqual([1, 3])
})

test('what is no function is refused at once, and named', () => {
  const options: object = { onForgotten: 'delete' }
  expect(() => atLeastOnce<Noted>(bench.store, handle, options)).toThrow(/^onForgotten is "delete"/)
})
