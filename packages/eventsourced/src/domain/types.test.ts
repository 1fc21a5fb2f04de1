import { describe, expectTypeOf, test } from 'vitest'
import { byType } from './by-type.js'
import type { Command } from './command.js'
import { persist, reject, reply } from './effect.js'
import type { EventSourced } from './event-sourced.js'

interface Overflow {
  readonly type: 'Overflow'
  readonly value: bigint
  readonly inc: bigint
}
interface Underflow {
  readonly type: 'Underflow'
  readonly value: bigint
  readonly dec: bigint
}
interface Inc extends Command<bigint, Overflow> {
  readonly type: 'Inc'
  readonly inc: bigint
}
interface Dec extends Command<void, Underflow> {
  readonly type: 'Dec'
  readonly dec: bigint
}
interface Get extends Command<bigint> {
  readonly type: 'Get'
}
type Evt =
  | { readonly type: 'Increased'; readonly oldValue: bigint; readonly inc: bigint }
  | { readonly type: 'Decreased'; readonly oldValue: bigint; readonly dec: bigint }

const base = {
  typeName: 'counter',
  initialState: 0n,
  handleEvt: (value: bigint, evt: Evt) => (evt.type === 'Increased' ? value + evt.inc : value - evt.dec),
}

describe('a domain type', () => {
  test('compiles', () => {
    const counter: EventSourced<Inc | Dec | Get, Evt, bigint> = {
      ...base,
      handleCmd: byType({
        Inc: (value, { inc }) =>
          value + inc > 10n
            ? reject({ type: 'Overflow', value, inc })
            : persist({ type: 'Increased', oldValue: value, inc }, (state) => state),
        Dec: (value, { dec }) =>
          value < dec
            ? reject({ type: 'Underflow', value, dec })
            : persist([{ type: 'Decreased', oldValue: value, dec }]),
        Get: (value) => reply(value),
      }),
    }
    const bad1: EventSourced<Inc | Dec, Evt, bigint> = {
      ...base,
      // @ts-expect-error Dec has no handler
      handleCmd: byType({
        Inc: (value, { inc }) => persist({ type: 'Increased', oldValue: value, inc }, (state) => state),
      }),
    }
    const bad2: EventSourced<Inc, Evt, bigint> = {
      ...base,
      handleCmd: byType({
        // @ts-expect-error
        Inc: (value, { inc }) => persist({ type: 'Increased', oldVale: value, inc }, (state) => state),
      }),
    }
    const onlyInc = (value: bigint, cmd: Inc) =>
      persist<Evt, bigint, bigint>({ type: 'Increased', oldValue: value, inc: cmd.inc }, (s) => s)
    const bad3: EventSourced<Inc | Dec, Evt, bigint> = {
      ...base,
      // @ts-expect-error
      handleCmd: onlyInc,
    }
    const bad4: EventSourced<Inc, Evt, bigint> = {
      ...base,
      handleCmd: byType({
        // @ts-expect-error no reply
        Inc: (value, { inc }) => persist({ type: 'Increased', oldValue: value, inc }),
      }),
    }
    const bad5: EventSourced<Get, Evt, bigint> = {
      ...base,
      // @ts-expect-error can't reject
      handleCmd: byType({ Get: (value) => reject({ type: 'Overflow', value, inc: 1n }) }),
    }
    const plain: EventSourced<Inc | Dec, Evt, bigint> = {
      ...base,
      handleCmd: (value, cmd) => {
        switch (cmd.type) {
          case 'Inc':
            return value + cmd.inc > 10n
              ? reject({ type: 'Overflow', value, inc: cmd.inc })
              : persist({ type: 'Increased', oldValue: value, inc: cmd.inc }, (s) => s)
          case 'Dec':
            return persist({ type: 'Decreased', oldValue: value, dec: cmd.dec })
        }
      },
    }
    expectTypeOf(counter).toBeObject()
    void [bad1, bad2, bad3, bad4, bad5, plain]
  })
})
