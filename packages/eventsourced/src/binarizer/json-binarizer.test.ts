import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Binarizer } from './binarizer.js'
import { jsonBinarizer } from './json-binarizer.js'

interface Opened {
  readonly type: 'Opened'
  readonly balance: bigint
}
interface Closed {
  readonly type: 'Closed'
  readonly reason: string
}
type Evt = Opened | Closed

describe('events', () => {
  const binarizer = jsonBinarizer<Evt, unknown>({ evts: { Opened: [], Closed: [] }, stateVersion: 3 })

  test('carry their type, and version 1 as long as there is no upcaster', () => {
    const encoded = binarizer.encodeEvt({ type: 'Opened', balance: 7n })
    expect(encoded).toMatchObject({ type: 'Opened', version: 1 })
    expect(binarizer.decodeEvt(encoded)).toStrictEqual({ type: 'Opened', balance: 7n })
  })

  test("of three generations come back in today's form", () => {
    const today = jsonBinarizer<Evt, unknown>({
      evts: {
        Opened: [
          (evt: { type: 'Opened'; cents: number }) => ({ type: evt.type, amount: BigInt(evt.cents) }),
          (evt: { type: 'Opened'; amount: bigint }) => ({ type: evt.type, balance: evt.amount }),
        ],
        Closed: [],
      },
    })
    const stored = [
      { type: 'Opened', version: 1, bytes: Buffer.from('{"type":"Opened","cents":5}') },
      { type: 'Opened', version: 2, bytes: Buffer.from('{"type":"Opened","amount":{"$bigint":"5"}}') },
      today.encodeEvt({ type: 'Opened', balance: 5n }),
    ]
    expect(stored[2]?.version).toBe(3)
    for (const encoded of stored) expect(today.decodeEvt(encoded)).toStrictEqual({ type: 'Opened', balance: 5n })
  })

  test('of a retired type become events of another', () => {
    const today = jsonBinarizer<Evt, unknown>({
      evts: { Opened: [], Closed: [], Shut: [() => ({ type: 'Closed', reason: 'shut' })] },
    })
    const shut = { type: 'Shut', version: 1, bytes: Buffer.from('{"type":"Shut"}') }
    expect(today.decodeEvt(shut)).toStrictEqual({ type: 'Closed', reason: 'shut' })
  })

  test('of an unknown type or a newer version are told apart', () => {
    const bytes = Buffer.from('{}')
    expect(() => binarizer.decodeEvt({ type: 'toString', version: 1, bytes })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_EVT_TYPE', message: expect.stringContaining('"toString"') }),
    )
    expect(() => binarizer.decodeEvt({ type: 'Opened', version: 2, bytes })).toThrow(
      expect.objectContaining({ code: 'EVT_TOO_NEW', message: expect.stringContaining('version 2') }),
    )
    expect(() => jsonBinarizer<Evt, unknown>().decodeEvt({ type: 'Opened', version: 2, bytes })).toThrow(
      expect.objectContaining({ code: 'EVT_TOO_NEW' }),
    )
  })

  test('of a type that could not be read back are not stored', () => {
    const narrow: Binarizer<{ type: string }, unknown> = jsonBinarizer<{ type: string }, unknown>({
      evts: { Opened: [] },
    })
    expect(() => narrow.encodeEvt({ type: 'Other' })).toThrow(expect.objectContaining({ code: 'BINARIZER_FAILED' }))
  })

  test('whose upcaster throws fail with its error as the cause', () => {
    const cause = new Error('no such field')
    const today = jsonBinarizer<Opened, unknown>({
      evts: {
        Opened: [
          () => {
            throw cause
          },
        ],
      },
    })
    expect(() => today.decodeEvt({ type: 'Opened', version: 1, bytes: Buffer.from('{}') })).toThrow(
      expect.objectContaining({ code: 'BINARIZER_FAILED', cause }),
    )
  })

  test.each([
    ['nothing', () => undefined],
    ['a promise', async (evt: unknown) => evt],
    ['an event without a type', () => ({ balance: 1 })],
    ['an event of an unknown type', (evt: object) => ({ ...evt, type: 'Closed' })],
  ])('whose upcaster makes %s of them fail instead of being taken for what they are not', (_, upcaster) => {
    const today = jsonBinarizer<Opened, unknown>({ evts: { Opened: [upcaster] } })
    expect(() => today.decodeEvt({ type: 'Opened', version: 1, bytes: Buffer.from('{"type":"Opened"}') })).toThrow(
      expect.objectContaining({ code: 'BINARIZER_FAILED' }),
    )
  })

  test('need not be told apart by `type`', () => {
    const numbers = jsonBinarizer<bigint, bigint>({ evtType: (evt) => (evt < 0n ? 'Lowered' : 'Raised') })
    const encoded = numbers.encodeEvt(-5n)
    expect(encoded.type).toBe('Lowered')
    expect(numbers.decodeEvt(encoded)).toBe(-5n)
  })

  test('without a type are refused', () => {
    const untyped: unknown = { balance: 1n }
    const loose: Binarizer<never, unknown> = jsonBinarizer<never, unknown>()
    // @ts-expect-error as JavaScript may call it
    expect(() => loose.encodeEvt(untyped)).toThrow(expect.objectContaining({ code: 'BINARIZER_FAILED' }))
  })
})

test('the version of the state is 0 unless it is given', () => {
  expect(jsonBinarizer<Evt, unknown>().stateVersion).toBe(0)
  expect(jsonBinarizer<Evt, unknown>({ stateVersion: 3 }).stateVersion).toBe(3)
  expect(() => jsonBinarizer<Evt, unknown>({ stateVersion: 1.5 })).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: 'stateVersion' }),
  )
})

test('the compiler asks for each event type', () => {
  const binarizer = jsonBinarizer<Evt, Map<string, bigint>>({ evts: { Opened: [], Closed: [] } })
  expectTypeOf(binarizer).toEqualTypeOf<Binarizer<Evt, Map<string, bigint>>>()
  // @ts-expect-error Closed is missing
  jsonBinarizer<Evt, unknown>({ evts: { Opened: [] } })
  // @ts-expect-error events that are no objects need evtType
  jsonBinarizer<bigint, unknown>()
})
