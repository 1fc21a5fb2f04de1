import { expect, test } from 'vitest'
import { sliceOf } from '../log/slice.js'
import { atLeastOnce } from './at-least-once.js'
import { Collector } from './collector.js'
import { projectionSetup } from './options.js'
import { Bench, binarizer, newId, note, TYPE } from './projection.test.fixture.js'
import { SliceState } from './slice-state.js'

test('of a slice that is held back no more is kept than a few large events; the rest is read again', async () => {
  const { evtLog, store } = new Bench()
  const id = newId()
  const bytes = Buffer.from(JSON.stringify({ n: 1, text: 'x'.repeat(100_000) }))
  await note(evtLog, id, 20, { bytes })
  const handler = atLeastOnce(store, () => {})
  const setup = projectionSetup({ name: 'notes', typeName: TYPE, evtLog, binarizer, handler })
  const collector = new Collector({ setup, isHeld: () => true, onMore: () => {} })
  const state = new SliceState(sliceOf(id), 1)
  state.retryAt = Number.POSITIVE_INFINITY
  collector.read([state])
  await expect
    .poll(() => {
      collector.collect(new Map([[state.slice, state]]))
      return state.hasOverflown
    })
    .toBe(true)
  expect(state.backlog.map(({ seqNo }) => seqNo)).toEqual([1, 2])
  collector.stop()
})
