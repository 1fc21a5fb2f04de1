import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidInputError } from '../errors.js'
import { snapshotEvery } from './snapshot-every.js'

test('of so many events the last one is snapshotted, and of the next so many', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000 }), (evtCount, times) => {
      const snapshot = snapshotEvery(evtCount)
      const taken = Array.from({ length: evtCount }, (_, index) => snapshot(undefined, evtCount * times - index))
      expect(taken).toEqual([true, ...Array.from({ length: evtCount - 1 }, () => false)])
    }),
  )
})

test('the state plays no part', () => {
  const snapshot = snapshotEvery(3)
  expect([undefined, null, 0n, {}].map((state) => snapshot(state, 3))).toEqual([true, true, true, true])
})

test.for([0, -1, 1.5, Number.NaN, Infinity, Number.MAX_SAFE_INTEGER + 1])('every %d events is refused', (evtCount) => {
  expect(() => snapshotEvery(evtCount)).toThrow(InvalidInputError)
  expect(() => snapshotEvery(evtCount)).toThrow(/^evtCount is .*: expected a whole number, 1 or more$/)
})
