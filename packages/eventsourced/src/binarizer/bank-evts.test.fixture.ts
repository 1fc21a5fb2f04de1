import type { Bank } from './bank.test.fixture.js'
import type { Binarizer } from './binarizer.js'
import { protobufBinarizer } from './protobuf-binarizer.js'

export interface Opened {
  readonly type: 'Opened'
  readonly balance: bigint
  readonly owner: string
  readonly note?: string
}
export interface Moved {
  readonly type: 'Moved'
  readonly amount: bigint
  readonly change: bigint
  readonly total: bigint
  readonly rest: bigint
  readonly limit?: bigint
  readonly count: number
  readonly delta: number
  readonly skew: number
  readonly mask: number
  readonly shift: number
  readonly rate: number
  readonly part: number
  readonly final: boolean
  readonly raw: Uint8Array
  readonly kind: number
}
export interface Share {
  readonly amount: bigint
  readonly of?: Share
}
export interface Split {
  readonly type: 'Split'
  readonly shares: readonly bigint[]
  readonly parts: readonly Share[]
  readonly prices: Readonly<Record<string, bigint>>
  readonly rest?: Share
  readonly names: readonly string[]
  readonly changes: readonly bigint[]
  readonly flags: readonly boolean[]
  readonly clerk?: string
  readonly machine?: bigint
}
export type Evt = Opened | Moved | Split

export const opened: Opened = { type: 'Opened', balance: 7n, owner: 'Ada' }
export const moved: Moved = {
  type: 'Moved',
  amount: 1n,
  change: -1n,
  total: 2n,
  rest: -2n,
  count: 1,
  delta: -1,
  skew: -2,
  mask: 3,
  shift: -3,
  rate: 0.1,
  part: 0.5,
  final: true,
  raw: new Uint8Array([1, 2]),
  kind: 1,
}
export const split: Split = {
  type: 'Split',
  shares: [1n, 2n ** 64n - 1n],
  parts: [{ amount: 1n, of: { amount: 0n } }],
  prices: { tea: 3n, __proto: 0n },
  names: ['', 'Ada'],
  changes: [-(2n ** 63n), 2n ** 63n - 1n, 0n],
  flags: [true, false],
  machine: 0n,
}

/** A binarizer of these events by the messages of the bank. */
export function bankBinarizer(bank: Bank): Binarizer<Evt, bigint> {
  return protobufBinarizer({
    evt: bank.Evt,
    evts: { Opened: [], Moved: [], Split: [] },
    state: { message: bank.State, toMessage: (value) => ({ value }), fromMessage: ({ value }) => value },
  })
}
