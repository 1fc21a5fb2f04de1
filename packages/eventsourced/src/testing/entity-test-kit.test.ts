import { AssertionError } from 'node:assert/strict'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Binarizer } from '../binarizer/binarizer.js'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { byType } from '../domain/by-type.js'
import type { Command } from '../domain/command.js'
import { persist, reject, reply } from '../domain/effect.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { EntityTestKit } from './entity-test-kit.js'

interface Lend extends Command<number, { readonly type: 'Lent'; readonly to: string }> {
  readonly type: 'Lend'
  readonly to: string
}
interface Return extends Command {
  readonly type: 'Return'
}
interface Who extends Command<string | undefined> {
  readonly type: 'Who'
}
interface When extends Command<{ readonly at: Date; readonly by: string; readonly id: string }> {
  readonly type: 'When'
}
type Cmd = Lend | Return | Who | When
type Evt = { readonly type: 'Lent'; readonly to: string } | { readonly type: 'Returned' }
interface State {
  readonly to?: string
  readonly readers: ReadonlyMap<string, number>
}

const book: EventSourced<Cmd, Evt, State> = {
  typeName: 'book',
  initialState: { readers: new Map() },
  handleCmd: byType({
    Lend: ({ to: by }, { to }) =>
      by === undefined
        ? persist({ type: 'Lent', to }, ({ readers }) => readers.get(to) ?? 0)
        : reject({ type: 'Lent', to: by }),
    Return: ({ to }) => (to === undefined ? reply() : persist({ type: 'Returned' })),
    Who: ({ to }) => reply(to),
    When: (_, __, { now, metadata, id }) => reply({ at: now, by: metadata['by'] ?? '', id }),
  }),
  handleEvt: ({ readers }, evt) =>
    evt.type === 'Returned'
      ? { readers }
      : { to: evt.to, readers: new Map([...readers, [evt.to, (readers.get(evt.to) ?? 0) + 1]]) },
}
const binarizer = jsonBinarizer<Evt, State>()
const lent: Evt = { type: 'Lent', to: 'Ada' }
const returned: Evt = { type: 'Returned' }

const kit = EntityTestKit.of(book, { binarizer })

describe('a kit', () => {
  test('tells the events, the reply and the state of an accepted command', () => {
    expect(kit.given(lent, returned).when({ type: 'Lend', to: 'Ada' })).toEqual({
      ok: true,
      evts: [lent],
      reply: 2,
      state: { to: 'Ada', readers: new Map([['Ada', 2]]) },
      seqNo: 3,
    })
  })

  test('tells the rejection of a refused one, and that nothing came of it', () => {
    const { evts, reply, rejection, state, seqNo } = kit.given(lent).when({ type: 'Lend', to: 'Bob' })
    expect({ evts, reply, rejection, seqNo }).toEqual({ evts: [], rejection: { type: 'Lent', to: 'Ada' }, seqNo: 1 })
    expect(state.to).toBe('Ada')
  })

  test('types reply and rejection by the command', () => {
    const lend = kit.given().when({ type: 'Lend', to: 'Ada' })
    expectTypeOf(lend.reply).toEqualTypeOf<number | undefined>()
    expectTypeOf(lend.rejection).toEqualTypeOf<{ readonly type: 'Lent'; readonly to: string } | undefined>()
    if (lend.ok) expectTypeOf(lend.reply).toEqualTypeOf<number>()
    const who = kit.given(lent).when({ type: 'Who' })
    expectTypeOf(who.ok).toEqualTypeOf<true>()
    expectTypeOf(who.reply).toEqualTypeOf<string | undefined>()
    expect([lend.reply, who.reply]).toEqual([1, 'Ada'])
  })

  test('knows only the events and commands of its domain type', () => {
    // @ts-expect-error no such event
    expect(() => kit.given({ type: 'Burnt' })).not.toThrow(TypeError)
    // @ts-expect-error no such command
    expect(() => kit.given().when({ type: 'Burn' })).toThrow('no handler')
  })

  test('handles a command without events, also one that has no reply', () => {
    expect(kit.given().when({ type: 'Return' })).toMatchObject({ ok: true, evts: [], reply: undefined, seqNo: 0 })
    expect(kit.given(lent).when({ type: 'Return' })).toMatchObject({ ok: true, evts: [returned], reply: undefined })
  })

  test('tries several commands on one past, none of which changes it', () => {
    const given = kit.given(lent)
    expect(given.when({ type: 'Return' }).seqNo).toBe(2)
    expect(given.when({ type: 'Who' })).toMatchObject({ reply: 'Ada', seqNo: 1 })
    expect(given).toMatchObject({ seqNo: 1, state: { to: 'Ada' } })
  })

  test('tells the handler what it is told to, and the same each time by default', () => {
    const now = new Date('2024-02-29T12:00:00Z')
    const id = '0193A0B4-7E5F-7C3B-8A1D-2E4F6A8B0C1D'
    expect(kit.given().when({ type: 'When' }, { now, id, metadata: { by: 'Ada' } }).reply).toEqual({
      at: now,
      by: 'Ada',
      id: id.toLowerCase(),
    })
    const { at } = kit.given().when({ type: 'When' }).reply
    expect(at).toEqual(new Date(0))
  })

  test('passes on what a handler throws', () => {
    const thrown = new Error('a bug')
    const broken: typeof book = {
      ...book,
      handleCmd: () => {
        throw thrown
      },
      handleEvt: (_, __, seqNo) => {
        if (seqNo > 1) throw thrown
        return book.initialState
      },
    }
    const kit = EntityTestKit.of(broken, { binarizer })
    expect(() => kit.given().when({ type: 'Who' })).toThrow(thrown)
    expect(() => kit.given(lent, lent)).toThrow(thrown)
  })

  test('works with classes for domain type and state, as long as the binarizer does', () => {
    class Total {
      readonly sum: number
      constructor(sum: number) {
        this.sum = sum
      }
    }
    class Adder implements EventSourced<Command<number>, number, Total> {
      readonly typeName = 'adder'
      readonly initialState = new Total(0)
      handleCmd({ sum }: Total) {
        return persist<number, Total, number>(sum + 1, (total) => total.sum)
      }
      handleEvt({ sum }: Total, evt: number) {
        return new Total(sum + evt)
      }
    }
    const json = jsonBinarizer<number, number>({ evtType: () => 'Added' })
    const binarizer: Binarizer<number, Total> = {
      ...json,
      encodeState: ({ sum }) => json.encodeState(sum),
      decodeState: (bytes) => new Total(json.decodeState(bytes)),
    }
    const { evts, reply, state } = EntityTestKit.of(new Adder(), { binarizer }).given(1, 2).when({})
    expect({ evts, reply, state }).toEqual({ evts: [4], reply: 7, state: new Total(7) })
  })
})

/** A domain type in which something is amiss, and what befalls it. */
function failureOf(domain: Partial<typeof book>, over: Partial<Binarizer<Evt, State>> = {}, cmd: Cmd = lend): string {
  const kit = EntityTestKit.of({ ...book, ...domain }, { binarizer: { ...binarizer, ...over } })
  try {
    kit.given(lent, returned).when(cmd)
  } catch (error) {
    if (error instanceof AssertionError) return error.message
    throw error
  }
  return 'nothing'
}
const lend: Lend = { type: 'Lend', to: 'Ada' }
const neverStored = Symbol('never stored')
function lost(): never {
  throw new Error('lost')
}

describe('an event handler is found out that', () => {
  test.each<[string, typeof book.handleEvt]>([
    ['writes to the state', (state) => Object.assign(state, { to: 'me' })],
    ['writes to the event', (state, evt) => (Object.assign(evt, { seen: true }) ? state : state)],
    [
      'changes a Map in the state, and returns it',
      (state) => {
        if (state.readers instanceof Map) state.readers.set('Eve', 1)
        return state
      },
    ],
    [
      'changes a Map in the state, and returns another one',
      (state) => {
        const readers = new Map([...state.readers, ['Eve', 1]])
        if (state.readers instanceof Map) state.readers.clear()
        return { readers }
      },
    ],
  ])('%s', (_, handleEvt) => {
    expect(failureOf({ handleEvt })).toMatch(/^handleEvt, given event \d, changes what it is given/)
  })

  let count = 0
  const rows: [string, () => number][] = [
    ['reads the clock', () => Date.now()],
    ['throws the dice', () => Math.random()],
    ['counts its calls', () => ++count],
  ]
  test.each(rows)('%s', (_, impure) => {
    const handleEvt: typeof book.handleEvt = () => ({ readers: new Map([['', impure()]]) })
    expect(failureOf({ handleEvt })).toMatch(/^replaying event 1 leads to another state, so handleEvt is not pure/)
  })

  test('works only the first time', () => {
    let calls = 0
    const handleEvt: typeof book.handleEvt = (state) => {
      if (++calls > 2) throw new Error('worn out')
      return state
    }
    expect(failureOf({ handleEvt })).toMatch(/^replaying event 1 .*not pure: now it throws worn out/)
  })
})

describe('a command handler is found out that', () => {
  test.each<[string, typeof book.handleCmd]>([
    ['writes to the state', (state) => reply(Object.assign(state, { to: 'me' }).to)],
    ['writes to the command', (_, cmd) => reply(Object.assign(cmd, { to: 'me' }).to)],
    [
      'changes a Map in the state',
      ({ readers }) => {
        if (readers instanceof Map) readers.clear()
        return reply()
      },
    ],
    [
      'changes the time',
      (_, __, { now }) => {
        now.setFullYear(2000)
        return reply()
      },
    ],
  ])('%s', (_, handleCmd) => {
    expect(failureOf({ handleCmd })).toMatch(/^handleCmd changes what it is given/)
  })

  test.each<[string, typeof book.handleCmd]>([
    ['takes the time of the clock', () => persist({ type: 'Lent', to: `${Date.now()}` })],
    ['throws the dice for its reply', () => persist(lent, () => Math.random())],
    ['throws the dice to reject', () => reject({ type: 'Lent', to: `${Math.random()}` })],
    ['throws the dice to answer', () => reply(`${Math.random()}`)],
  ])('%s', (_, handleCmd) => {
    expect(failureOf({ handleCmd })).toMatch(/^the same command comes to another decision, so handleCmd is not pure/)
  })

  test('changes the state to reply', () => {
    const handleCmd: typeof book.handleCmd = () => persist(lent, (state) => Object.assign(state, { to: 'me' }).to)
    expect(failureOf({ handleCmd })).toMatch(/^thenReply changes what it is given/)
  })

  test('decides nothing', () => {
    // @ts-expect-error as JavaScript may do
    expect(failureOf({ handleCmd: () => undefined })).toMatch(/^handleCmd returned undefined: expected persist/)
  })

  test('is given what is not plain data', () => {
    const cmd = { ...lend, callback: () => 'what' }
    expect(failureOf({}, {}, cmd)).toMatch(/^the command is not plain data/)
  })
})

describe('a binarizer is found out that', () => {
  test.each<[string, Partial<Binarizer<Evt, State>>, string]>([
    ['loses a property of an event', { decodeEvt: () => ({ type: 'Lent', to: '' }) }, "event 1, { type: 'Lent', to"],
    ['loses a part of the state', { decodeState: () => book.initialState }, 'the state after event 1'],
    ['can not decode', { decodeState: () => lost() }, 'the state after event 1'],
    ['changes a reply', { decodeReply: () => 'well' }, 'the reply'],
  ])('%s', (_, over, what) => {
    expect(failureOf({}, over).startsWith(what)).toBe(true)
    expect(failureOf({}, over)).toContain('does not survive the binarizer')
  })

  test('does not know a new event', () => {
    const known = jsonBinarizer<Evt, State>({ evts: { Lent: [], Returned: [] } })
    const handleCmd: typeof book.handleCmd = () => {
      const burnt = { ...lent, type: 'Burnt' }
      // @ts-expect-error as JavaScript may do
      return persist<Evt>(burnt)
    }
    expect(failureOf({ handleCmd }, known)).toMatch(/^event 3, .*Burnt.* does not survive .* is none of/)
  })

  test('can not encode a reply that travels with events', () => {
    // @ts-expect-error as JavaScript may do
    const handleCmd: typeof book.handleCmd = () => persist(lent, () => neverStored)
    expect(failureOf({ handleCmd })).toMatch(/^the reply does not survive/)
  })

  test('leaves replies alone that are not stored, and the initial state, which never is', () => {
    // @ts-expect-error as JavaScript may do
    const handleCmd: typeof book.handleCmd = () => reply(neverStored)
    expect(failureOf({ handleCmd })).toBe('nothing')
    const initialState = { readers: new Map(), toString: () => 'not data' }
    expect(failureOf({ initialState })).toBe('nothing')
  })
})
