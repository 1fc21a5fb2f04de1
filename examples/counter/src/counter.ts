import { byType, type Command, type EventSourced, persist, reject, reply } from 'eventsourced'

/** The largest value, and the largest amount: what an unsigned integer of 64 bits holds. */
export const MAX = 2n ** 64n - 1n

/** Adds to the counter, and answers with the new value. */
export interface Inc extends Command<bigint, Overflow | InvalidAmount> {
  readonly type: 'Inc'
  readonly inc: bigint
}

/** Takes from the counter, and answers with the new value. */
export interface Dec extends Command<bigint, Underflow | InvalidAmount> {
  readonly type: 'Dec'
  readonly dec: bigint
}

/** The value would be more than {@link MAX}. */
export interface Overflow {
  readonly type: 'Overflow'
  readonly value: bigint
  readonly inc: bigint
}

/** The value would be less than 0. */
export interface Underflow {
  readonly type: 'Underflow'
  readonly value: bigint
  readonly dec: bigint
}

/** The amount is negative or more than {@link MAX}: whatever the value is, this command can't be meant. */
export interface InvalidAmount {
  readonly type: 'InvalidAmount'
  readonly amount: bigint
}

export type Evt =
  | { readonly type: 'Increased'; readonly oldValue: bigint; readonly inc: bigint }
  | { readonly type: 'Decreased'; readonly oldValue: bigint; readonly dec: bigint }

/** A counter from 0 to {@link MAX}. An amount of 0 changes nothing and stores nothing: it asks for the value. */
export const counter: EventSourced<Inc | Dec, Evt, bigint> = {
  typeName: 'counter',

  initialState: 0n,

  handleCmd: byType({
    Inc: (value, { inc }) => {
      if (inc < 0n || inc > MAX) return reject({ type: 'InvalidAmount', amount: inc })
      if (inc > MAX - value) return reject({ type: 'Overflow', value, inc })
      if (inc === 0n) return reply(value)
      return persist({ type: 'Increased', oldValue: value, inc }, (newValue) => newValue)
    },

    Dec: (value, { dec }) => {
      if (dec < 0n || dec > MAX) return reject({ type: 'InvalidAmount', amount: dec })
      if (dec > value) return reject({ type: 'Underflow', value, dec })
      if (dec === 0n) return reply(value)
      return persist({ type: 'Decreased', oldValue: value, dec }, (newValue) => newValue)
    },
  }),

  handleEvt: (value, evt) => (evt.type === 'Increased' ? value + evt.inc : value - evt.dec),
}
