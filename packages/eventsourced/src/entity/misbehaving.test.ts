import { describe, expect, test } from 'vitest'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { persist } from '../domain/effect.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { ConflictError, hasCode } from '../errors.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entities } from './entities.js'
import { Entity } from './entity.js'

describe('a misbehaving domain type', () => {
  test.each([
    ['cmdHandler', 'CMD_HANDLER_FAILED', /the handler is broken/],
    ['evtHandler', 'EVT_HANDLER_FAILED', /event 3: the event is poison/],
    ['thenReply', 'CMD_HANDLER_FAILED', /the reply is broken/],
    ['binarizer', 'BINARIZER_FAILED', /extra/],
    ['noEffect', 'CMD_HANDLER_FAILED', /returned undefined: expected persist/],
  ] as const)('in %s fails its command alone, and nothing of it is stored', async (how, code, message) => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const [before, bad, after] = await Promise.allSettled([
      ref.handleCmd({ type: 'Inc', inc: 1 }),
      ref.handleCmd({ type: 'Misbehave', how }),
      ref.handleCmd({ type: 'Inc', inc: 1 }),
    ])
    expect(before).toMatchObject({ value: { reply: 1 } })
    expect(bad).toMatchObject({ reason: { code, message: expect.stringMatching(message) } })
    expect(after).toMatchObject({ value: { reply: 2, seqNo: 2 } })
    expect(await evtsOf(log, id)).toHaveLength(2)
  })

  test('that can not digest a stored event is not spawned: the error names id and seqNo', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, { ...counter, handleEvt: (value) => value + 1 }, rest)
    await ref.handleCmd({ type: 'Misbehave', how: 'evtHandler' })
    const spawned = Entity.spawn(id, counter, rest)
    await expect(spawned).rejects.toMatchObject({
      code: 'EVT_HANDLER_FAILED',
      message: expect.stringContaining(`event 2 of counter ${id}`),
    })
    expect(await evtsOf(log, id)).toHaveLength(2)
  })
})

/** Throws as it likes to be read. */
const unreadable = {
  get message() {
    throw new Error('no message')
  },
  toJSON() {
    throw new Error('no JSON')
  },
  toString() {
    throw new Error('no text')
  },
}

describe('a command handler', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'no'],
    ['a number', Number.NaN],
    ['a bigint', 7n],
    ['a symbol', Symbol('no')],
    ['a function', () => 'no'],
    ['what can not be read', unreadable],
    ['an error of a log', new ConflictError('not of this log')],
  ])('that throws %s fails its command alone, with that as the cause', async (_, thrown) => {
    const { id, log, ...rest } = fixture()
    const throwing = {
      ...counter,
      handleCmd: (...args: Parameters<typeof counter.handleCmd>): ReturnType<typeof counter.handleCmd> => {
        // oxlint-disable-next-line typescript/only-throw-error -- JavaScript lets it throw anything
        if (args[1].type === 'Get') throw thrown
        return counter.handleCmd(...args)
      },
    }
    const ref = await Entity.spawn(id, throwing, rest)
    const bad = ref.handleCmd({ type: 'Get' }).catch((error: unknown) => error)
    expect(await ref.handleCmd({ type: 'Inc', inc: 1 })).toMatchObject({ reply: 1 })
    const failure = await bad
    expect(hasCode(failure, 'CMD_HANDLER_FAILED') && failure.cause).toBe(thrown)
    expect(await evtsOf(log, id)).toHaveLength(1)
  })

  test.each([
    ['a promise', Promise.resolve(persist({ type: 'Increased', inc: 1 }))],
    ['null', null],
    ['a text', 'persist'],
    ['an effect that there is none of', { effect: 'delete' }],
    ['an effect without events', { effect: 'persist' }],
    ['an effect with events that are none', { effect: 'persist', evts: 7 }],
    ['an effect with a reply that is no function', { ...persist({ type: 'Increased', inc: 1 }), thenReply: 7 }],
  ])('that returns %s fails its command alone', async (_, effect) => {
    const { id, log, ...rest } = fixture()
    const wrong: EventSourced<object, { readonly type: 'Increased'; readonly inc: number }, number> = {
      ...counter,
      // @ts-expect-error what a handler may return that no compiler has seen
      handleCmd: () => effect,
    }
    const ref = await Entity.spawn(id, wrong, rest)
    await expect(ref.handleCmd({})).rejects.toMatchObject({ code: 'CMD_HANDLER_FAILED' })
    expect(await evtsOf(log, id)).toEqual([])
  })
})

describe('an event handler that changes the state it is given', () => {
  interface Account {
    cents: number
    readonly history: number[]
  }
  const account: EventSourced<{ readonly cents: number }, { readonly cents: number }, Account> = {
    typeName: 'account',
    initialState: { cents: 0, history: [] },
    handleCmd: (_, { cents }) => persist({ cents }),
    handleEvt: (state, { cents }) => {
      state.history.push(cents)
      state.cents += cents
      return state
    },
  }
  const options = () => ({
    evtLog: new MemoryEvtLog(),
    binarizer: jsonBinarizer<{ readonly cents: number }, Account>({ evtType: () => 'Moved' }),
  })

  test.each([
    ['Entity', async (id: string) => Entity.spawn(id, account, options())],
    ['Entities', async (id: string) => new Entities(account, options()).ref(id)],
  ])('does not reach the state from which all others start, under %s', async (_, refOf) => {
    const ref = await refOf(fixture().id)
    await expect(ref.handleCmd({ cents: 5 })).rejects.toMatchObject({ code: 'EVT_HANDLER_FAILED' })
    expect(account.initialState).toEqual({ cents: 0, history: [] })
  })
})
