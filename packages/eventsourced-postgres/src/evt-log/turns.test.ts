import { expect, test } from 'vitest'
import { Turns } from './turns.js'

test('appends go in halves while the positions of batches follow on one another, and all at once when others take some', () => {
  const turns = new Turns()
  expect(turns.half(1_001)).toBe(Infinity)
  turns.written(101, 20)
  expect(turns.half(1_001)).toBe(Infinity)
  turns.written(121, 30)
  expect(turns.half(1_001)).toBe(501)
  turns.written(152, 30)
  expect(turns.half(1_001)).toBe(Infinity)
  turns.written(182, 1)
  expect(turns.half(1_001)).toBe(501)
})

test('few appends don’t go in turns', () => {
  const turns = new Turns()
  turns.written(1, 20)
  turns.written(21, 20)
  expect([127, 128].map((appends) => turns.half(appends))).toEqual([Infinity, 64])
})
