import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidInputError, RefusedError } from '../errors.js'
import { appendIds } from './append-id.js'
import {
  checkAppend,
  checkDeleteEvts,
  checkEvtsById,
  checkEvtsByType,
  checkSnapshot,
  MAX_ADDED_METADATA_CHARS,
  MAX_METADATA_CHARS,
} from './check.js'
import { checkKey, entityKey } from './entity-key.js'
import type { Append, NewEvt } from './evt-log.js'
import { SLICE_COUNT } from './slice.js'

const key = entityKey('counter', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d')
const evt: NewEvt = { type: 'Increased', version: 1, bytes: Uint8Array.of(1), metadata: {} }
const append: Append = { key, expected: { seqNo: 0, position: 0 }, appendId: appendIds()(), groups: [[evt]] }
const snapshot = { seqNo: 1, appendId: appendIds()(), version: 0, bytes: Uint8Array.of(1) }

const texts = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'))
const evts: fc.Arbitrary<NewEvt> = fc.record({
  type: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }),
  version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  bytes: fc.uint8Array(),
  metadata: fc.dictionary(texts, texts),
})
const heads = fc.oneof(
  fc.constant({ seqNo: 0, position: 0 }),
  fc.record({
    seqNo: fc.integer({ min: 1, max: 2 ** 31 }),
    position: fc.maxSafeNat().map((position) => position || 1),
  }),
)

test('whatever is within bounds passes', () => {
  const groups = fc.array(fc.array(evts, { minLength: 1 }), { minLength: 1 })
  fc.assert(
    fc.property(heads, groups, (expected, groups) => {
      expect(() => checkAppend({ ...append, expected, groups })).not.toThrow()
    }),
  )
})

test('one NUL or lone surrogate anywhere in metadata is refused', () => {
  const hostile = fc.tuple(texts, fc.constantFrom('\0', '\uD800', '\uDFFF'), texts).map((parts) => parts.join(' '))
  fc.assert(
    fc.property(hostile, texts, fc.boolean(), (bad, good, isName) => {
      const metadata = Object.fromEntries([isName ? [bad, good] : [good, bad]])
      expect(() => checkAppend({ ...append, groups: [[evt, { ...evt, metadata }]] })).toThrow(RefusedError)
    }),
  )
})

test.for([
  ['typeName', { ...append, key: { ...key, typeName: 'with.dot' } }],
  ['id', { ...append, key: { ...key, id: key.id.toUpperCase() } }],
  ['id', { ...append, key: { ...key, id: 'no-uuid' } }],
  ['expected', { ...append, expected: { seqNo: -1, position: 1 } }],
  ['expected', { ...append, expected: { seqNo: 1, position: 0.5 } }],
  ['expected', { ...append, expected: { seqNo: 1, position: 0 } }],
  ['expected', { ...append, expected: { seqNo: 0, position: 1 } }],
  ['expected.seqNo', { ...append, expected: { seqNo: Number.MAX_SAFE_INTEGER, position: 1 } }],
  ['appendId', { ...append, appendId: 'an id' }],
  ['groups', { ...append, groups: [] }],
  ['groups', { ...append, groups: [[evt], []] }],
  ['type', { ...append, groups: [[{ ...evt, type: '' }]] }],
  ['type', { ...append, groups: [[{ ...evt, type: 'x'.repeat(256) }]] }],
  ['type', { ...append, groups: [[{ ...evt, type: 'line\nbreak' }]] }],
  ['type', { ...append, groups: [[{ ...evt, type: '\uD800' }]] }],
  ['version', { ...append, groups: [[{ ...evt, version: 0 }]] }],
  ['version', { ...append, groups: [[{ ...evt, version: 2 ** 31 }]] }],
  ['metadata["name"]', { ...append, groups: [[{ ...evt, metadata: { name: '\0' } }]] }],
] as const)('a bad %s is refused as bad input, by name', ([field, bad]) => {
  expect(() => checkAppend(bad)).toThrow(
    expect.objectContaining({ reason: 'bad-input', message: expect.stringMatching(namedFirst(field)) }),
  )
})

test('metadata may have so many characters, names and values together, and none more', () => {
  const sized = (chars: number): Append => ({
    ...append,
    groups: [[{ ...evt, metadata: { name: 'x'.repeat(chars - 'name'.length) } }]],
  })
  expect(() => checkAppend(sized(MAX_METADATA_CHARS))).not.toThrow()
  expect(() => checkAppend(sized(MAX_METADATA_CHARS + 1))).toThrow(RefusedError)
})

test('what the library adds to metadata has a bound of its own, and leaves that of callers to them', () => {
  const given = { name: 'x'.repeat(MAX_METADATA_CHARS - 'name'.length) }
  const adding = (added: number): Append => {
    const metadata = { ...given, traceparent: '', tracestate: '', 'es-cmd-reply': '' }
    const names = 'traceparenttracestatees-cmd-reply'.length
    return { ...append, groups: [[{ ...evt, metadata: { ...metadata, 'es-cmd-reply': 'x'.repeat(added - names) } }]] }
  }
  expect(() => checkAppend(adding(MAX_ADDED_METADATA_CHARS))).not.toThrow()
  expect(() => checkAppend(adding(MAX_ADDED_METADATA_CHARS + 1))).toThrow(/metadata is "12289 characters"/)
})

test('a key passes only as entityKey() makes it', () => {
  expect(() => checkKey(key)).not.toThrow()
  expect(() => checkKey({ ...key, id: key.id.toUpperCase() })).toThrow(InvalidInputError)
})

test.for([Number.NaN, -1, 0.5, Infinity, Number.MAX_SAFE_INTEGER + 1])(
  'the bound %d of a read or a deletion is refused by name',
  (bound) => {
    expect(() => checkEvtsById(key, { from: bound })).toThrow(expect.objectContaining({ field: 'from' }))
    expect(() => checkEvtsById(key, { to: bound })).toThrow(expect.objectContaining({ field: 'to' }))
    expect(() => checkEvtsByType('counter', { after: bound })).toThrow(expect.objectContaining({ field: 'after' }))
    expect(() => checkDeleteEvts(key, bound)).toThrow(expect.objectContaining({ field: 'toSeqNo' }))
  },
)

test.for([Number.NaN, -1, 0.5, SLICE_COUNT])('the slice %d is refused by name', (slice) => {
  expect(() => checkEvtsByType('counter', { slice: [0, slice] })).toThrow(expect.objectContaining({ field: 'slice' }))
})

test('bounds and slices within bounds pass', () => {
  const all = Array.from({ length: SLICE_COUNT }, (_, slice) => slice)
  expect(() => checkEvtsById(key, {})).not.toThrow()
  expect(() => checkEvtsById(key, { from: 0, to: Number.MAX_SAFE_INTEGER })).not.toThrow()
  expect(() => checkEvtsById(key, { from: 5, to: 2 })).not.toThrow()
  expect(() => checkEvtsByType('counter', {})).not.toThrow()
  expect(() => checkEvtsByType('counter', { after: 0, slice: [] })).not.toThrow()
  expect(() => checkEvtsByType('counter', { after: Number.MAX_SAFE_INTEGER, slice: all })).not.toThrow()
  expect(() => checkDeleteEvts(key, 0)).not.toThrow()
})

test.for([
  ['seqNo', { ...snapshot, seqNo: 0 }, 1],
  ['appendId', { ...snapshot, appendId: '' }, 1],
  ['version', { ...snapshot, version: -1 }, 1],
  ['version', { ...snapshot, version: 2 ** 31 }, 1],
  ['keep', snapshot, 0],
  ['keep', snapshot, 1.5],
] as const)('a snapshot with a bad %s is refused as bad input, by name', ([field, bad, keep]) => {
  expect(() => checkSnapshot(key, bad, keep)).toThrow(
    expect.objectContaining({ reason: 'bad-input', message: expect.stringMatching(namedFirst(field)) }),
  )
})

test('a snapshot within bounds passes, for a key that does', () => {
  expect(() => checkSnapshot(key, snapshot)).not.toThrow()
  expect(() => checkSnapshot(key, { ...snapshot, bytes: new Uint8Array() }, 5)).not.toThrow()
  expect(() => checkSnapshot({ ...key, id: '' }, snapshot)).toThrow(RefusedError)
})

/** A message that begins by naming the field. */
function namedFirst(field: string): RegExp {
  return new RegExp(`^${field.replaceAll(/[[\].]/g, String.raw`\$&`)} is `)
}
