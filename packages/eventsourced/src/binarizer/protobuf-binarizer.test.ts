import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { bankBinarizer, type Evt, type Moved, moved, type Opened, opened } from './bank-evts.test.fixture.js'
import { type Bank, loadBank } from './bank.test.fixture.js'
import type { Binarizer } from './binarizer.js'
import { protobufBinarizer } from './protobuf-binarizer.js'

let bank: Bank
let binarizer: Binarizer<Evt, bigint>

beforeAll(async () => {
  bank = await loadBank()
  binarizer = bankBinarizer(bank)
})

describe('reading', () => {
  const encoded = (type: string, version: number, hex: string) => ({ type, version, bytes: Buffer.from(hex, 'hex') })

  test.each([
    ['bytes that are no message', encoded('Opened', 1, '0aff'), 'BINARIZER_FAILED', 'evt is not readable'],
    [
      'an arm that this code does not know',
      encoded('Opened', 1, 'a20600'),
      'BINARIZER_FAILED',
      'nothing that this code knows',
    ],
    ['no arm', encoded('Opened', 1, ''), 'BINARIZER_FAILED', 'no opened'],
    ['another arm than the type says', encoded('Opened', 1, '1200'), 'BINARIZER_FAILED', 'no opened, but moved'],
    ['an unknown type', encoded('Shut', 1, '0a00'), 'UNKNOWN_EVT_TYPE', '"Shut"'],
    ['a newer version', encoded('Opened', 2, '0a00'), 'EVT_TOO_NEW', 'version 2'],
  ])('%s', (_name, evt, code, message) => {
    expect(() => binarizer.decodeEvt(evt)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    )
  })

  test('a state that is none', () => {
    expect(() => binarizer.decodeState(Buffer.from('08', 'hex'))).toThrow(
      expect.objectContaining({ code: 'BINARIZER_FAILED' }),
    )
  })

  test('passes over fields that this code does not know, as protobuf has it', () => {
    expect(binarizer.decodeEvt(encoded('Opened', 1, '0a0a08071203416461a20600'))).toStrictEqual(opened)
  })

  test('gives bytes that are no view of what was read', () => {
    const { bytes } = binarizer.encodeEvt(moved)
    const evt = binarizer.decodeEvt({ type: 'Moved', version: 1, bytes })
    bytes.fill(0)
    expect(evt).toStrictEqual(moved)
  })

  test("upcasts, from today's messages", () => {
    const today: Binarizer<Evt, bigint> = protobufBinarizer({
      evt: bank.Evt,
      evts: {
        Opened: [
          (evt: Opened) => ({ ...evt, balance: evt.balance * 100n }),
          (evt: Opened) => ({ ...evt, note: 'old' }),
        ],
        Moved: [],
        Split: [],
      },
      state: { message: bank.State, toMessage: (value) => ({ value }), fromMessage: ({ value }) => value },
      stateVersion: 4,
    })
    const first = binarizer.encodeEvt(opened)
    expect(today.decodeEvt(first)).toStrictEqual({ ...opened, balance: 700n, note: 'old' })
    expect(today.decodeEvt({ ...first, version: 2 })).toStrictEqual({ ...opened, note: 'old' })
    expect(today.decodeEvt({ ...first, version: 3 })).toStrictEqual(opened)
    expect(today.encodeEvt(opened).version).toBe(3)
    expect(today.stateVersion).toBe(4)
  })
})

test('an upcaster that makes another type of an event than there is fails', () => {
  const today: Binarizer<Evt, bigint> = protobufBinarizer({
    evt: bank.Evt,
    evts: { Opened: [(evt: Opened) => ({ ...evt, type: 'Begun' })], Moved: [], Split: [] },
    state: { message: bank.State, toMessage: (value) => ({ value }), fromMessage: ({ value }) => value },
  })
  const first = binarizer.encodeEvt(opened)
  expect(() => today.decodeEvt(first)).toThrow(expect.objectContaining({ code: 'BINARIZER_FAILED' }))
})

describe('making one', () => {
  const state = () => ({ message: bank.State, toMessage: (value: bigint) => ({ value }), fromMessage: () => 0n })

  test('fails for a type that the message has no field for', () => {
    const make = (): Binarizer<{ type: 'Renamed' }, bigint> =>
      protobufBinarizer({
        // @ts-expect-error Renamed has no field
        evt: bank.Evt,
        evts: { Renamed: [] },
        state: state(),
      })
    expect(make).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('renamed') }),
    )
  })

  test('fails for a field that is no message', () => {
    const make = (): Binarizer<{ type: 'Closed'; by: string }, bigint> =>
      protobufBinarizer({
        // @ts-expect-error closed is text
        evt: bank.Evt,
        evts: { Closed: [] },
        state: state(),
      })
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('closed') }))
  })

  test('fails for a field `type`, which tells events apart', () => {
    const make = (): Binarizer<{ type: 'Typed' }, bigint> =>
      protobufBinarizer({
        // @ts-expect-error type is a field
        evt: bank.Evt,
        evts: { Typed: [] },
        state: state(),
      })
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('type') }))
  })
})

test('the compiler compares events with the message', () => {
  const make = () => {
    const state = { message: bank.State, toMessage: (value: bigint) => ({ value }), fromMessage: () => 0n }
    const fits: Binarizer<Opened, bigint> = protobufBinarizer({ evt: bank.Evt, evts: { Opened: [] }, state })
    const inferred: Binarizer<Opened, bigint> = protobufBinarizer({
      evt: bank.Evt,
      evts: { Opened: [] },
      state: {
        message: bank.State,
        toMessage: (value) => ({ value }),
        fromMessage(fields) {
          expectTypeOf(fields).toEqualTypeOf<{ readonly value: bigint; readonly owner?: string }>()
          return fields.value
        },
      },
    })
    // @ts-expect-error Moved is missing
    const missing: Binarizer<Opened | Moved, bigint> = protobufBinarizer({ evt: bank.Evt, evts: { Opened: [] }, state })
    const misspelt: Binarizer<{ type: 'Opened'; balace: bigint; owner: string; note?: string }, bigint> =
      // @ts-expect-error balace is no field
      protobufBinarizer({ evt: bank.Evt, evts: { Opened: [] }, state })
    const narrow: Binarizer<{ type: 'Opened'; balance: bigint; owner: string }, bigint> =
      // @ts-expect-error note is not in the event
      protobufBinarizer({ evt: bank.Evt, evts: { Opened: [] }, state })
    const otherType: Binarizer<{ type: 'Opened'; balance: number; owner: string; note?: string }, bigint> =
      // @ts-expect-error balance is a bigint
      protobufBinarizer({ evt: bank.Evt, evts: { Opened: [] }, state })
    return [fits, inferred, missing, misspelt, narrow, otherType]
  }
  expectTypeOf(make).toBeFunction()
})
