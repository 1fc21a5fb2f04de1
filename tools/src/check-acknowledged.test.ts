import { expect, test } from 'vitest'
import type { EvtPlace } from './append-process.js'
import { checkAcknowledged } from './check-acknowledged.js'

const evt = (id: string, seqNo: number, position: number, payload = `${id}${seqNo}`): EvtPlace => ({
  id,
  seqNo,
  position,
  payload,
})

const stored = [evt('a', 4, 10), evt('b', 1, 11), evt('a', 5, 12), evt('b', 2, 14)]

test('what is stored once, where it was acknowledged, and without a gap is right', () => {
  expect(() => checkAcknowledged(stored.slice(1), stored)).not.toThrow()
})

test.each([
  { what: 'an event that is lost', told: [evt('b', 3, 15)], found: stored, says: 'lost' },
  { what: 'an event that is stored elsewhere', told: [evt('a', 5, 12)], found: [evt('a', 5, 13)], says: 'stored as' },
  { what: 'an event of another entity', told: [evt('a', 5, 12)], found: [evt('b', 5, 12, 'a5')], says: 'stored as' },
  { what: 'an event that is stored twice', told: [], found: [...stored, evt('a', 6, 15, 'a5')], says: 'stored twice' },
  { what: 'a number that is there twice', told: [], found: [...stored, evt('a', 5, 15, 'other')], says: 'comes after' },
  { what: 'a gap', told: [], found: [...stored, evt('b', 4, 15)], says: 'comes after' },
])('$what is found', ({ told, found, says }) => {
  expect(() => checkAcknowledged(told, found)).toThrow(says)
})
