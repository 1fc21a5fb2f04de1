import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { EventSourcedError } from '../errors.js'
import {
  bankBinarizer,
  type Evt,
  type Moved,
  moved,
  type Opened,
  opened,
  type Share,
  type Split,
  split,
} from './bank-evts.test.fixture.js'
import { type Bank, loadBank } from './bank.test.fixture.js'
import type { Binarizer } from './binarizer.js'

/** Records whose objects have a prototype, as literals have. */
const record = <Value>(model: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }) =>
  fc.record<Value>(model, { noNullPrototype: true })

let bank: Bank
let binarizer: Binarizer<Evt, bigint>

beforeAll(async () => {
  bank = await loadBank()
  binarizer = bankBinarizer(bank)
})

function roundTrip(evt: Evt): Evt {
  return binarizer.decodeEvt(binarizer.encodeEvt(evt))
}

/** As JavaScript may call it, or a type that does not tell the truth. */
function refusal(evt: object): string {
  const loose: { encodeEvt(evt: object): unknown } = bankBinarizer(bank)
  try {
    loose.encodeEvt(evt)
  } catch (error) {
    if (error instanceof EventSourcedError && error.code === 'BINARIZER_FAILED') return error.message
    throw error
  }
  return 'not refused'
}

describe('what survives', () => {
  test.each<[string, Evt]>([
    ['strings and defaults', { type: 'Opened', balance: 0n, owner: '' }],
    ['an optional field that is empty', { ...opened, note: '' }],
    ['text beyond ASCII', { ...opened, owner: 'Ädä €😀', note: 'x'.repeat(10_000) }],
    ['one of each scalar', moved],
    ['an optional 64-bit zero', { ...moved, limit: 0n }],
    ['lists, maps and messages', split],
    ['nothing in them', { type: 'Split', shares: [], parts: [], prices: {}, names: [], changes: [], flags: [] }],
    ['NaN, the infinities and -0 in floating numbers', { ...moved, rate: -0, part: Number.NaN }],
    ['empty bytes', { ...moved, raw: new Uint8Array(0), rate: Infinity }],
  ])('%s', (_name, evt) => {
    expect(roundTrip(evt)).toStrictEqual(evt)
    expect(roundTrip(evt)).toStrictEqual(evt)
  })

  test('64-bit integers, exactly', () => {
    for (const value of [
      0n,
      1n,
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 53n + 1n,
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ]) {
      expect(roundTrip({ ...opened, balance: value })).toStrictEqual({ ...opened, balance: value })
      expect(binarizer.decodeState(binarizer.encodeState(value))).toBe(value)
      expect(binarizer.decodeReply(binarizer.encodeReply(value))).toBe(value)
    }
  })

  test('any event that the types allow', () => {
    const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    const int32 = fc.integer()
    const uint32 = fc.nat(2 ** 32 - 1)
    const text = fc.string({ unit: 'binary' })
    const evt = fc.oneof(
      record<Opened>({ type: fc.constant('Opened' as const), balance: uint64, owner: text }),
      record<Moved>({
        type: fc.constant('Moved' as const),
        amount: int64,
        change: int64,
        total: uint64,
        rest: int64,
        limit: uint64,
        count: uint32,
        delta: int32,
        skew: int32,
        mask: uint32,
        shift: int32,
        rate: fc.double(),
        part: fc.float(),
        final: fc.boolean(),
        raw: fc.uint8Array(),
        kind: int32,
      }),
      record<Split>({
        type: fc.constant('Split' as const),
        shares: fc.array(uint64),
        parts: fc.array(record<Share>({ amount: uint64 })),
        prices: fc.dictionary(text, uint64, { noNullPrototype: true }),
        names: fc.array(text),
        changes: fc.array(int64),
        flags: fc.array(fc.boolean()),
        clerk: text,
      }),
    )
    fc.assert(
      fc.property(evt, (value) => {
        expect(roundTrip(value)).toStrictEqual(value)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what is stored', () => {
  test('is the message of all events, which others can read', () => {
    const { type, version, bytes } = binarizer.encodeEvt({ ...opened, balance: 300n })
    expect([type, version]).toEqual(['Opened', 1])
    expect(Buffer.from(bytes).toString('hex')).toBe(['0a08', '08ac02', '1203', '416461'].join(''))
    expect(bank.Evt.toObject(bank.Evt.decode(bytes), { longs: String })).toEqual({
      opened: { balance: '300', owner: 'Ada' },
    })
  })

  test("is the caller's own, and holds nothing else in memory", () => {
    const first = binarizer.encodeEvt(opened).bytes
    const copy = Uint8Array.from(first)
    for (let i = 0; i < 10; i++) binarizer.encodeEvt({ ...opened, balance: 2n ** 64n - 1n, owner: 'Z'.repeat(i * 100) })
    expect(first).toEqual(copy)
    expect(first.buffer.byteLength).toBe(first.byteLength)
  })

  test('stays readable after a failure in the middle of a message', () => {
    expect(() => binarizer.encodeEvt({ ...split, parts: [{ amount: 1n }, { amount: -1n }] })).toThrow(
      'evt.parts[1].amount',
    )
    expect(roundTrip(split)).toStrictEqual(split)
  })
})

describe('what is refused', () => {
  test.each<[string, object, string]>([
    [
      'a negative amount',
      { ...opened, balance: -1n },
      "evt.balance can't be encoded: expected a bigint from 0 to 18446744073709551615, not -1n",
    ],
    ['too large an amount', { ...opened, balance: 2n ** 64n }, 'evt.balance'],
    ['too small an amount', { ...moved, amount: -(2n ** 63n) - 1n }, 'evt.amount'],
    ['too large a change', { ...moved, change: 2n ** 63n }, 'evt.change'],
    ['too large a fixed amount', { ...moved, total: 2n ** 64n }, 'evt.total'],
    ['a rest out of range', { ...moved, rest: 2n ** 63n }, 'evt.rest'],
    ['a number for a bigint', { ...opened, balance: 5 }, 'evt.balance'],
    ['the number zero for a bigint', { ...opened, balance: 0 }, 'evt.balance is 0, and would come back as 0n'],
    ['text for a bigint', { ...opened, balance: '5' }, 'evt.balance'],
    ['an object for a bigint', { ...opened, balance: {} }, 'evt.balance is {}, and would come back as 0n'],
    ['a misspelt property', { type: 'Opened', balace: 7n, owner: 'Ada' }, 'evt.balace is 7n, and would be lost'],
    ['one property too many', { ...opened, extra: 1 }, 'evt.extra is 1, and would be lost'],
    ['a missing property', { type: 'Opened', owner: 'Ada' }, 'evt.balance is missing, and would come back as 0n'],
    ['undefined', { ...opened, note: undefined }, 'evt.note is undefined, and would be lost'],
    ['null', { ...opened, note: null }, 'evt.note is null, and would be lost'],
    ['a lone surrogate', { ...opened, owner: '\ud800' }, 'evt.owner'],
    ['a number for text', { ...opened, owner: 5 }, 'evt.owner'],
    ['a fraction', { ...moved, count: 0.5 }, 'evt.count'],
    ['a negative count', { ...moved, count: -1 }, 'evt.count'],
    ['too large a count', { ...moved, count: 2 ** 32 }, 'evt.count'],
    ['-0 where it would be lost', { ...moved, delta: -0 }, 'evt.delta'],
    ['NaN as a whole number', { ...moved, skew: Number.NaN }, 'evt.skew'],
    ['too large a mask', { ...moved, mask: 2 ** 32 }, 'evt.mask'],
    ['too large a shift', { ...moved, shift: 2 ** 31 }, 'evt.shift'],
    ['a number that 32 bits round', { ...moved, part: 0.1 }, 'evt.part'],
    ['a bigint for a number', { ...moved, rate: 1n }, 'evt.rate'],
    ['a number for a boolean', { ...moved, final: 1 }, 'evt.final'],
    ['base64 for bytes', { ...moved, raw: 'AQI=' }, 'evt.raw'],
    ['empty text for bytes', { ...moved, raw: '' }, 'evt.raw'],
    ['a Buffer', { ...moved, raw: Buffer.from([1]) }, 'evt.raw'],
    ['a number in a list', { ...split, shares: [1n, 2] }, 'evt.shares[1]'],
    ['a hole in a list', { ...split, names: ['a', , 'c'] }, 'evt.names'], // oxlint-disable-line no-sparse-arrays -- it is what is tested
    ['text for a list', { ...split, names: 'abc' }, 'evt.names'],
    ['an object for a list', { ...split, shares: {} }, 'evt.shares'],
    ['a misspelt property further in', { ...split, parts: [{ amount: 1n, amonut: 1n }] }, 'evt.parts[0].amonut'],
    ['a missing property further in', { ...split, rest: {} }, 'evt.rest.amount is missing'],
    ['a bigint for a message', { ...split, rest: 5n }, 'evt.rest is 5n'],
    ['a price out of range', { ...split, prices: { tea: 1n, gold: -1n } }, 'evt.prices.gold'],
    ['two of a oneof', { ...split, clerk: 'Ada' }, 'would be lost'],
    ['an instance of a class', Object.assign(new Error('x'), opened), 'evt'],
    [
      'an instance of a class further in',
      {
        ...split,
        rest: new (class Share {
          amount = 1n
        })(),
      },
      'evt.rest',
    ],
    ['a symbol as key', { ...opened, [Symbol('s')]: 1 }, 'evt has a symbol as key'],
    ['an unknown type', { type: 'Renamed' }, 'the event type "Renamed" is none of Opened, Moved, Split'],
    ['no type', {}, 'the event type undefined'],
  ])('%s', (_name, evt, message) => {
    expect(refusal(evt)).toContain(message)
  })

  test('is refused as well once good events of the type have passed', () => {
    const loose: { encodeEvt(evt: object): unknown } = binarizer
    roundTrip(opened)
    expect(() => loose.encodeEvt({ ...opened, balance: 0 })).toThrow('evt.balance')
    expect(() => loose.encodeEvt({ type: 'Opened', owner: 'Ada', balace: 7n })).toThrow('evt.balace')
    expect(() => loose.encodeEvt({ owner: 'Ada', type: 'Opened' })).toThrow('evt.balance is missing')
    expect(() => loose.encodeEvt({ ...opened, [Symbol('s')]: 1 })).toThrow('symbol')
    expect(() => loose.encodeEvt({ ...moved, delta: -0 })).toThrow('evt.delta')
  })

  test('a state out of range', () => {
    expect(() => binarizer.encodeState(-1n)).toThrow(expect.objectContaining({ code: 'BINARIZER_FAILED' }))
    expect(() => binarizer.encodeState(-1n)).toThrow('state.value')
  })
})
