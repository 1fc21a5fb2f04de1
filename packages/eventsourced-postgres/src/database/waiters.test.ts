import { expect, test } from 'vitest'
import { sliceTopic, Waiters } from './waiters.js'

test('a notification wakes the readers of the type, and of the slices that it names', () => {
  const waiters = new Waiters()
  const topics = ['counter', sliceTopic('counter', 3), sliceTopic('counter', 4), 'other', sliceTopic('other', 3)]
  const watches = topics.map((topic) => waiters.watch(topic))
  const woken = (): number[] => watches.map((watch) => watch.count())
  waiters.wake(['counter.3'])
  expect(woken()).toEqual([1, 1, 0, 0, 0])
  waiters.wake(['counter.3', 'counter.4', 'counter.5'])
  expect(woken()).toEqual([2, 2, 1, 0, 0])
  // As older releases name them: without slices.
  waiters.wake(['other'])
  expect(woken()).toEqual([2, 2, 1, 1, 1])
  waiters.wake()
  expect(woken()).toEqual([3, 3, 2, 2, 2])
  for (const watch of watches) watch.stop()
  expect(waiters.isEmpty).toBe(true)
})
