import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exactlyOnce } from '../index.js'
import { apply, type Noted, Notes, PATIENCE, patiently, upTo } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

test('who is told to rest ends its transaction behind the event in hand, and commits what is applied; no event is applied again', async () => {
  const id = randomUUID()
  await notes.note(id, 50)
  let [arrive, goOn] = [() => {}, () => {}]
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    if (evt.seqNo === 3) {
      arrive()
      await mayGoOn
    }
    await apply(evt, tx)
  })
  const first = await notes.start(handler)
  await arrived
  const stopped = first.stop()
  goOn()
  await stopped
  expect(await notes.applied(id)).toEqual(upTo(3))
  const second = await notes.start(exactlyOnce<Noted>(notes.pool, apply))
  await second.manage.caughtUp(patiently())
  expect(await notes.applied(id)).toEqual(upTo(50))
  await second.manage.pause()
  await expect.poll(async () => (await second.status()).state, PATIENCE).toBe('paused')
})
