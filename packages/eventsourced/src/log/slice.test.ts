import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SLICE_COUNT, sliceOf } from './slice.js'

// The slices of stored entities: they may never change, on no backend.
test.for([
  ['', 0x811c9dc5 % 64],
  ['a', 0xe40c292c % 64],
  ['foobar', 0xbf9cf968 % 64],
  ['00000000-0000-0000-0000-000000000000', 17],
  ['0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d', 5],
  ['6ba7b810-9dad-41d1-80b4-00c04fd430c8', 57],
] as const)('the slice of %j is %i, as FNV-1a says', ([text, slice]) => {
  expect(sliceOf(text)).toBe(slice)
})

test('the slice of an id is FNV-1a modulo 64, as arithmetic without any tricks has it', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      let hash = 0x811c9dc5n
      for (const byte of Buffer.from(id)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n
      expect(sliceOf(id)).toBe(Number(hash % BigInt(SLICE_COUNT)))
    }),
  )
})

test('ids spread over all slices, none has twice its share', () => {
  const counts = Array.from({ length: SLICE_COUNT }, () => 0)
  for (let number = 0; number < 64_000; number++) {
    const slice = sliceOf(`00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`)
    counts[slice] = (counts[slice] ?? 0) + 1
  }
  expect(Math.min(...counts)).toBeGreaterThan(500)
  expect(Math.max(...counts)).toBeLessThan(2_000)
})
