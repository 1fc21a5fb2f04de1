import { describe, expectTypeOf, test } from 'vitest'
import type { Accepted, MovedOn, Rejected } from '../entity/cmd-result.js'
import type { EntityRef } from '../entity/ref.js'
import type { HandleCmdOptions } from '../entity/request.js'
import { byType } from './by-type.js'
import type { Command } from './command.js'
import { type CmdEffect, persist, reject, reply } from './effect.js'
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
interface Increased {
  readonly type: 'Increased'
  readonly oldValue: bigint
  readonly inc: bigint
}
interface Decreased {
  readonly type: 'Decreased'
  readonly oldValue: bigint
  readonly dec: bigint
}
type Cmd = Inc | Dec | Get
type Evt = Increased | Decreased
type Counter = EventSourced<Cmd, Evt, bigint>
type HandleCmd<Cmd> = EventSourced<Cmd, Evt, bigint>['handleCmd']

const MAX = 10n

/*
 * What the compiler says is what is tested here: `npm run check` fails where an expected error is none. The tests run nothing.
 */
describe('a domain type', () => {
  test('is written as one object, its types inferred from what it implements', () => {
    const counter = {
      typeName: 'counter',
      initialState: 0n,
      handleCmd: byType({
        Inc: (value, { inc }) =>
          value + inc > MAX
            ? reject({ type: 'Overflow', value, inc })
            : persist({ type: 'Increased', oldValue: value, inc }, (newValue) => newValue),
        Dec: (value, { dec }) =>
          value < dec
            ? reject({ type: 'Underflow', value, dec })
            : persist([{ type: 'Decreased', oldValue: value, dec }]),
        Get: (value) => reply(value),
      }),
      handleEvt: (value, evt) => (evt.type === 'Increased' ? value + evt.inc : value - evt.dec),
    } satisfies Counter
    expectTypeOf(counter).toExtend<Counter>()
  })

  test('may handle its commands in a plain function', () => {
    const handleCmd: HandleCmd<Inc | Dec> = (value, cmd) => {
      switch (cmd.type) {
        case 'Inc':
          return value + cmd.inc > MAX
            ? reject({ type: 'Overflow', value, inc: cmd.inc })
            : persist({ type: 'Increased', oldValue: value, inc: cmd.inc }, (newValue) => newValue)
        case 'Dec':
          return persist({ type: 'Decreased', oldValue: value, dec: cmd.dec })
      }
    }
    expectTypeOf(handleCmd).returns.toEqualTypeOf<CmdEffect<Inc | Dec, Evt, bigint>>()
  })

  test('may be a class', () => {
    class CounterType implements EventSourced<Get | Dec, Evt, bigint> {
      readonly typeName = 'counter'
      readonly initialState = 0n
      handleCmd(value: bigint, cmd: Get | Dec): CmdEffect<Get | Dec, Evt, bigint> {
        return cmd.type === 'Get' ? reply(value) : persist({ type: 'Decreased', oldValue: value, dec: cmd.dec })
      }
      handleEvt(value: bigint, evt: Evt): bigint {
        return evt.type === 'Increased' ? value + evt.inc : value - evt.dec
      }
    }
    expectTypeOf<CounterType>().toExtend<EventSourced<Get | Dec, Evt, bigint>>()
  })

  test('must handle each of its commands', () => {
    // @ts-expect-error Dec has no handler
    const handleCmd: HandleCmd<Inc | Dec> = byType({
      Inc: (value, { inc }) => persist({ type: 'Increased', oldValue: value, inc }, (newValue) => newValue),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('may not handle some of its commands only', () => {
    const onlyInc = (value: bigint, { inc }: Inc): CmdEffect<Inc, Evt, bigint> =>
      persist({ type: 'Increased', oldValue: value, inc }, (newValue) => newValue)
    // @ts-expect-error the function does not take Dec
    const handleCmd: HandleCmd<Inc | Dec> = onlyInc
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('may not misspell a property of an event', () => {
    const handleCmd: HandleCmd<Dec> = byType({
      // @ts-expect-error it is oldValue
      Dec: (value, { dec }) => persist({ type: 'Decreased', oldVale: value, dec }),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('may not misspell a property of one of several events', () => {
    const handleCmd: HandleCmd<Dec> = byType({
      // @ts-expect-error it is oldValue
      Dec: (value, { dec }) => persist([{ type: 'Decreased', oldVale: value, dec }]),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('must reply where its command promises a reply', () => {
    const handleCmd: HandleCmd<Inc> = byType({
      // @ts-expect-error Inc promises a bigint
      Inc: (value, { inc }) => persist({ type: 'Increased', oldValue: value, inc }),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('must reply with the type that its command promises', () => {
    const handleCmd: HandleCmd<Inc> = byType({
      // @ts-expect-error Inc promises a bigint
      Inc: (value, { inc }) => persist({ type: 'Increased', oldValue: value, inc }, (newValue) => String(newValue)),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test('may not reject a command that promises no rejection', () => {
    const handleCmd: HandleCmd<Get> = byType({
      // @ts-expect-error Get can't be rejected
      Get: (value) => reject({ type: 'Overflow', value, inc: 1n }),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })

  test("may not reject a command with another one's rejection", () => {
    const handleCmd: HandleCmd<Dec> = byType({
      // @ts-expect-error Dec is rejected with Underflow
      Dec: (value, { dec }) => reject({ type: 'Overflow', value, inc: dec }),
    })
    expectTypeOf(handleCmd).toBeFunction()
  })
})

describe('the result of a command', () => {
  const inc = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Inc', inc: 1n })
  const dec = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Dec', dec: 1n })
  const get = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Get' })
  const any = (ref: EntityRef<Cmd, Evt>, cmd: Inc | Get) => ref.handleCmd(cmd)

  test('bears the reply and the rejection of the command given', () => {
    expectTypeOf(inc).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint> | Rejected<Overflow>>()
    expectTypeOf(dec).returns.resolves.toEqualTypeOf<Accepted<Evt, void> | Rejected<Underflow>>()
  })

  test('needs no look at ok where the command can not be rejected', () => {
    expectTypeOf(get).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint>>()
  })

  test('of one of several commands bears the outcomes of all of them', () => {
    expectTypeOf(any).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint> | Rejected<Overflow>>()
  })

  test('may be that the entity has moved on, where the options say or may say which event is expected', () => {
    const expected = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Get' }, { expectedSeqNo: 1 })
    const perhaps = (ref: EntityRef<Cmd, Evt>, options: HandleCmdOptions) => ref.handleCmd({ type: 'Get' }, options)
    const fresh = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Get' }, { fresh: true })
    expectTypeOf(expected).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint> | Rejected<MovedOn>>()
    expectTypeOf(perhaps).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint> | Rejected<MovedOn>>()
    expectTypeOf(fresh).returns.resolves.toEqualTypeOf<Accepted<Evt, bigint>>()
  })

  test('exists for the commands of the entity only', () => {
    // @ts-expect-error there is no such command
    const unknown = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Incr', inc: 1n })
    // @ts-expect-error inc is a bigint
    const wrong = (ref: EntityRef<Cmd, Evt>) => ref.handleCmd({ type: 'Inc', inc: 1 })
    expectTypeOf(unknown).toBeFunction()
    expectTypeOf(wrong).toBeFunction()
  })
})
