import { expect, test } from 'vitest'
import { APPEND_ID, appendIdOf, appendIdParts, appendIds } from './append-id.js'

test('an incarnation makes a new appendId with each call, all of its own UUID', () => {
  const nextAppendId = appendIds()
  const made = Array.from({ length: 1_000 }, () => nextAppendId())
  expect(new Set(made).size).toBe(1_000)
  expect(new Set(made.map((appendId) => appendId.slice(0, 36))).size).toBe(1)
  expect(made.filter((appendId) => !APPEND_ID.test(appendId))).toEqual([])
  expect(made.at(0)?.slice(36)).toBe('-1')
  expect(made.at(-1)?.slice(36)).toBe('-1000')
})

test('no two incarnations share an appendId', () => {
  const made = Array.from({ length: 1_000 }, () => appendIds()())
  expect(new Set(made).size).toBe(1_000)
})

test.for([
  '',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-01',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d--1',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-1234567890123456',
  '0193A0B4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-1',
  ' 0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-1',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d-1\n',
])('%j is no appendId', (text) => {
  expect(APPEND_ID.test(text)).toBe(false)
})

test('an appendId is put together again from its parts', () => {
  const appendId = appendIds()()
  const { prefix, count } = appendIdParts(appendId)
  expect(prefix).toBe(appendId.slice(0, 37))
  expect(count).toBe(1)
  const largest = `${prefix}${'9'.repeat(15)}`
  for (const one of [appendId, largest]) {
    const parts = appendIdParts(one)
    expect(appendIdOf(parts.prefix, parts.count)).toBe(one)
  }
})
