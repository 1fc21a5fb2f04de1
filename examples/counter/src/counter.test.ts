import type { CmdContext } from 'eventsourced'
import { describe, expect, test } from 'vitest'
import { counter, type Dec, type Inc, MAX } from './counter.js'

const ctx: CmdContext = { id: 'a', seqNo: 0, now: new Date(0), metadata: {} }

/** What a command comes to: the events and the reply, or the rejection. */
function outcome(value: bigint, cmd: Inc | Dec): unknown {
  const effect = counter.handleCmd(value, cmd, ctx)
  switch (effect.effect) {
    case 'persist': {
      const state = effect.evts.reduce((state, evt, index) => counter.handleEvt(state, evt, index + 1), value)
      return { evts: effect.evts, state, reply: effect.thenReply?.(state) }
    }
    case 'reply':
      return { reply: effect.reply }
    case 'reject':
      return { rejection: effect.rejection }
  }
}

describe('Inc', () => {
  test('adds, and replies with the new value', () => {
    expect(outcome(2n, { type: 'Inc', inc: 3n })).toEqual({
      evts: [{ type: 'Increased', oldValue: 2n, inc: 3n }],
      state: 5n,
      reply: 5n,
    })
  })

  test('reaches the largest value, and no further', () => {
    expect(outcome(0n, { type: 'Inc', inc: MAX })).toMatchObject({ state: MAX, reply: MAX })
    expect(outcome(MAX - 1n, { type: 'Inc', inc: 1n })).toMatchObject({ state: MAX })
    expect(outcome(MAX, { type: 'Inc', inc: 1n })).toEqual({ rejection: { type: 'Overflow', value: MAX, inc: 1n } })
    expect(outcome(1n, { type: 'Inc', inc: MAX })).toEqual({ rejection: { type: 'Overflow', value: 1n, inc: MAX } })
  })
})

describe('Dec', () => {
  test('takes, and replies with the new value', () => {
    expect(outcome(5n, { type: 'Dec', dec: 3n })).toEqual({
      evts: [{ type: 'Decreased', oldValue: 5n, dec: 3n }],
      state: 2n,
      reply: 2n,
    })
  })

  test('reaches 0, and no further', () => {
    expect(outcome(MAX, { type: 'Dec', dec: MAX })).toMatchObject({ state: 0n, reply: 0n })
    expect(outcome(0n, { type: 'Dec', dec: 1n })).toEqual({ rejection: { type: 'Underflow', value: 0n, dec: 1n } })
  })
})

test.each([-1n, -MAX, MAX + 1n, 10n ** 30n])('an amount of %s is refused, whatever the value is', (amount) => {
  const refused = { rejection: { type: 'InvalidAmount', amount } }
  for (const value of [0n, 5n, MAX]) {
    expect(outcome(value, { type: 'Inc', inc: amount })).toEqual(refused)
    expect(outcome(value, { type: 'Dec', dec: amount })).toEqual(refused)
  }
})

test('an amount of 0 stores nothing and replies with the value, also at both ends', () => {
  for (const value of [0n, 5n, MAX]) {
    expect(outcome(value, { type: 'Inc', inc: 0n })).toEqual({ reply: value })
    expect(outcome(value, { type: 'Dec', dec: 0n })).toEqual({ reply: value })
  }
})
