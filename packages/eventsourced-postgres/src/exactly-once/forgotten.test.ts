import { randomUUID } from 'node:crypto'
import type { ForgottenEntity } from 'eventsourced'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exactlyOnce, exactlyOnceGrouped, type Tx } from '../index.js'
import { apply, type Noted, Notes, parkedOf, PATIENCE, patiently } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

function onForgotten({ key }: ForgottenEntity, tx: Tx): Promise<unknown> {
  return tx.query('DELETE FROM applied WHERE id = $1', [key.id])
}

test.for([
  ['one by one', () => exactlyOnce<Noted>(notes.pool, apply, { onForgotten })],
  [
    'in groups',
    () =>
      exactlyOnceGrouped<Noted>(
        notes.pool,
        async (evts, tx) => {
          for (const evt of evts) await apply(evt, tx)
        },
        { onForgotten },
      ),
  ],
] as const)(
  'a read model that is written %s loses what it has of a forgotten entity, and of no other',
  async ([, handler]) => {
    const [id, other] = [randomUUID(), randomUUID()]
    const projection = await notes.start(handler())
    await notes.note(other, 2)
    await projection.reached(await notes.note(id, 3))
    expect(await notes.applied(id)).toEqual([1, 2, 3])
    await projection.reached(await notes.note(id, 1, { type: 'es-forgotten' }))
    expect(await notes.applied(id)).toEqual([])
    await projection.reached(await notes.note(id))
    expect(await notes.applied(id)).toEqual([5])
    expect(await notes.applied(other)).toEqual([1, 2])
  },
)

test('what a handler did of forgetting before it failed is rolled back, and done as a whole when it is retried', async () => {
  let isHealed = false
  const handler = exactlyOnce<Noted>(notes.pool, apply, {
    onForgotten: async (entity, tx) => {
      await onForgotten(entity, tx)
      if (!isHealed) await tx.query('SELECT 1 / 0')
    },
  })
  const projection = await notes.start(handler)
  const id = randomUUID()
  await notes.note(id, 2)
  await notes.note(id, 1, { type: 'es-forgotten' })
  await notes.note(id)
  await expect.poll(async () => (await parkedOf(projection, id)).map(({ evt }) => evt.seqNo), PATIENCE).toEqual([3, 4])
  expect(await notes.applied(id)).toEqual([1, 2])
  isHealed = true
  await projection.manage.retryParked(id)
  await projection.reached(await notes.note(id), patiently()).catch(() => undefined)
  await expect.poll(() => notes.applied(id), PATIENCE).toEqual([4, 5])
})
