import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventSourcedError } from '../errors.js'
import { jsonBinarizer } from './json-binarizer.js'

const anything = jsonBinarizer<{ readonly type: string; readonly value: unknown }, unknown>()

function roundTrip(value: unknown): unknown {
  return anything.decodeState(anything.encodeState(value))
}

function text(value: unknown): string {
  return Buffer.from(anything.encodeState(value)).toString()
}

function refusal(value: unknown): string {
  try {
    anything.encodeEvt({ type: 'Any', value })
  } catch (error) {
    if (error instanceof EventSourcedError && error.code === 'BINARIZER_FAILED') return error.message
    throw error
  }
  return 'not refused'
}

function cyclic(): unknown {
  const outer: Record<string, unknown> = {}
  outer['inner'] = [{ back: outer }]
  return outer
}

function nested(levels: number): unknown {
  let value: unknown = 'innermost'
  for (let level = 0; level < levels; level++) value = { value }
  return value
}

class Money {
  readonly cents = 1n
}

describe('what survives', () => {
  test.each<[string, unknown]>([
    ['bigints', [0n, -1n, 2n ** 53n + 1n, 2n ** 64n - 1n, -(10n ** 40n)]],
    ['numbers that JSON does not know', [Number.NaN, Infinity, -Infinity, -0, 0]],
    ['numbers at their limits', [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53 - 1, 0.1 + 0.2, 1e21]],
    ['dates', [new Date(0), new Date(8.64e15), new Date(-8.64e15), new Date('0000-01-01T00:00:00.001Z')]],
    ['bytes', [new Uint8Array(0), new Uint8Array([0, 1, 255]), new Uint8Array([9, 8, 7, 6]).subarray(1, 3)]],
    ['undefined', { a: undefined, b: [undefined, null] }],
    ['strings', ['', 'ü€😀', '\u0000\u001f"\\/\u2028', '\ud800', 'x\udc00', '{"$bigint":"1"}']],
    [
      'maps with any keys',
      new Map<unknown, unknown>([
        [1n, new Map([[new Date(1), 'x']])],
        ['1', undefined],
        [{ a: 1n }, -0],
      ]),
    ],
    ['sets', new Set<unknown>([1n, 1, '1', new Set([Number.NaN])])],
    [
      'objects that look like tags',
      [{ $bigint: '1' }, { $$bigint: '1' }, { $: 1 }, { $map: [[1, 2]] }, { $bigint: '1', a: 1 }],
    ],
    ['keys that harm', JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":null,"":0,"a b":1}')],
    [
      'a tagged value under __proto__',
      Object.defineProperty({}, '__proto__', { value: 1n, enumerable: true, writable: true, configurable: true }),
    ],
    ['the same object twice', [[Money.prototype.cents, 1].slice(1), [1]]],
    ['nesting', nested(400)],
    ['plain roots', 'state'],
    ['undefined as the whole', undefined],
  ])('%s', (_name, value) => {
    expect(roundTrip(value)).toStrictEqual(value)
  })

  test('the key __proto__ never becomes a prototype', () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"isAdmin":true,"by":{"$bigint":"1"}}}')
    const back = roundTrip(hostile)
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(Object.keys(back ?? {})).toEqual(['__proto__'])
    expect(back).not.toHaveProperty('isAdmin')
  })

  test('bytes are copied, not a view of something larger', () => {
    const back = roundTrip(new Uint8Array([1, 2, 3]))
    expect(back).toBeInstanceOf(Uint8Array)
    expect(back instanceof Uint8Array ? back.buffer.byteLength : undefined).toBe(3)
  })

  const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', '$bigint', '$$', '$map', '$', 'toJSON'))
  const kept = { key, withBigInt: true, withMap: true, withSet: true, withUnicodeString: true }

  test('any value of the kinds that are kept', () => {
    fc.assert(
      fc.property(fc.anything(kept), (value) => {
        expect(roundTrip(value)).toStrictEqual(value)
      }),
      { numRuns: 3_000 },
    )
  })

  test('any value at all, or it is refused', () => {
    const all = {
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
    }
    fc.assert(
      fc.property(fc.anything({ ...kept, ...all }), (value) => {
        const isKept = refusal(value) === 'not refused'
        expect(isKept ? roundTrip(value) : value).toStrictEqual(value)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('what is stored', () => {
  test('is JSON that people can read', () => {
    expect(text({ a: 1, b: [2n, new Date(0)], c: new Map([['k', new Uint8Array([1])]]) })).toBe(
      '{"a":1,"b":[{"$bigint":"2"},{"$date":"1970-01-01T00:00:00.000Z"}],"c":{"$map":[["k",{"$bytes":"AQ=="}]]}}',
    )
  })

  test('is what JSON.stringify would make of a value that JSON can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value)
        fc.pre(!json.includes('"$'))
        expect(text(JSON.parse(json))).toBe(json)
      }),
    )
  })

  test('may be written by others with blanks in it', () => {
    expect(anything.decodeState(Buffer.from('{ "a": { "$bigint": "5" } }'))).toEqual({ a: 5n })
  })
})

describe('what is refused', () => {
  test.each<[string, unknown, string]>([
    [
      'an instance of a class',
      { items: [0, 0, 0, { when: new Money() }] },
      'evt.value.items[3].when is an instance of Money',
    ],
    ['a function', { f: () => 1 }, 'evt.value.f is a function'],
    ['a symbol', [Symbol('s')], 'evt.value[0] is a symbol'],
    ['a symbol as key', { [Symbol('s')]: 1 }, 'evt.value is an object with a symbol as key'],
    [
      'a hidden property',
      Object.defineProperty({}, 'toJSON', { value: () => 5 }),
      'evt.value is an object with a property that is not',
    ],
    ['a property toJSON', { toJSON: () => 5 }, 'evt.value.toJSON is a function'],
    ['a hole', [1, , 3], 'evt.value is an array with holes'], // oxlint-disable-line no-sparse-arrays -- it is what is tested
    ['named properties of an array', /x/.exec('x'), 'evt.value is an array with holes or with named properties'],
    ['named properties of a map', Object.assign(new Map(), { a: 1 }), 'evt.value is an instance of Map'],
    [
      'named properties of bytes',
      Object.assign(new Uint8Array(1), { a: 1 }),
      'evt.value is a Uint8Array with named properties',
    ],
    ['an invalid date', { at: new Date(Number.NaN) }, 'evt.value.at is an invalid Date'],
    ['a buffer', { raw: Buffer.from('x') }, 'evt.value.raw is an instance of Buffer'],
    ['other typed arrays', new Uint16Array(1), 'evt.value is an instance of Uint16Array'],
    ['an array of a subclass', new (class extends Array {})(), 'evt.value is an instance of'],
    ['a map of a subclass', new (class Sub extends Map {})(), 'evt.value is an instance of Sub'],
    ['an object without a prototype', Object.create(null), 'evt.value is an object without a prototype'],
    ['a boxed string', Object('x'), 'evt.value is an instance of String'],
    ['a regular expression', /x/, 'evt.value is an instance of RegExp'],
    ['an error', new Error('x'), 'evt.value is an instance of Error'],
    ['a promise', Promise.resolve(), 'evt.value is an instance of Promise'],
    ['a proxy of a class', new Proxy(new Money(), {}), 'evt.value is an instance of Money'],
    [
      'something in a map',
      {
        prices: new Map<string, unknown>([
          ['a', 1],
          ['b', () => 1],
        ]),
      },
      'evt.value.prices.entries[1][1] is a function',
    ],
    ['something as a key of a map', new Map([[new Money(), 1]]), 'evt.value.entries[0][0] is an instance of Money'],
    ['something in a set', new Set([1, Symbol('s')]), 'evt.value.values[1] is a symbol'],
    ['something under an odd key', { 'a b': Symbol('s') }, 'evt.value["a b"] is a symbol'],
    ['a cycle', cyclic(), 'evt.value.inner is part of a cycle'],
    ['a cycle further in', { a: [cyclic()] }, 'evt.value.a[0].inner[0] is part of a cycle'],
    ['too deep a nesting', nested(5_000), 'nested deeper than 500 levels'],
  ])('%s', (_name, value, message) => {
    expect(refusal(value)).toContain(message)
  })

  test.each([
    ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['no JSON', Buffer.from('{')],
    ['no bytes', new Uint8Array(0)],
    ['an unknown tag', Buffer.from('{"a":{"$decimal":"1"}}')],
    ['a bigint that is none', Buffer.from('{"$bigint":"1.5"}')],
    ['a bigint in other digits', Buffer.from('{"$bigint":"0x10"}')],
    ['an empty bigint', Buffer.from('{"$bigint":""}')],
    ['a date that is none', Buffer.from('{"$date":"yesterday"}')],
    ['bytes that are not base64', Buffer.from('{"$bytes":"a?b"}')],
    ['a map that is none', Buffer.from('{"$map":[[1]]}')],
    ['a set that is none', Buffer.from('{"$set":{}}')],
    ['a number that JSON knows', Buffer.from('{"$number":"1"}')],
  ])('%s, on the way back', (_name, bytes) => {
    expect(() => anything.decodeState(bytes)).toThrow(expect.objectContaining({ code: 'BINARIZER_FAILED' }))
  })
})

test('replies survive like states', () => {
  for (const reply of [undefined, 5n, { at: new Date(5) }]) {
    expect(anything.decodeReply(anything.encodeReply(reply))).toStrictEqual(reply)
  }
})
