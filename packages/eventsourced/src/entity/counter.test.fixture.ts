import { randomUUID } from 'node:crypto'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { byType } from '../domain/by-type.js'
import type { Command } from '../domain/command.js'
import { persist, reject, reply } from '../domain/effect.js'
import type { EventSourced } from '../domain/event-sourced.js'
import type { EvtLog, PersistedEvt } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { MemorySnapshotStore } from '../memory/memory-snapshot-store.js'
import { FaultyEvtLog } from '../testing/faulty-evt-log.js'
import { FaultySnapshotStore } from '../testing/faulty-snapshot-store.js'

export interface Overflow {
  readonly type: 'Overflow'
  readonly value: number
  readonly inc: number
}

/** Adds, up to 1,000,000; `times` events of `inc` each. */
export interface Inc extends Command<number, Overflow> {
  readonly type: 'Inc'
  readonly inc: number
  readonly times?: number
}

export interface Get extends Command<number> {
  readonly type: 'Get'
}

/** Misbehaves in the way named. */
export interface Misbehave extends Command<number> {
  readonly type: 'Misbehave'
  readonly how: 'cmdHandler' | 'evtHandler' | 'thenReply' | 'binarizer' | 'noEffect'
}

export type Cmd = Inc | Get | Misbehave

export interface Evt {
  readonly type: 'Increased'
  readonly inc: number
  /** Makes the event handler throw. */
  readonly poison?: boolean
  readonly extra?: unknown
}

const MAX = 1_000_000

/** A small domain type for the tests of the runtime. */
export const counter: EventSourced<Cmd, Evt, number> = {
  typeName: 'counter',
  initialState: 0,
  handleCmd: byType({
    Inc: (value, { inc, times = 1 }) =>
      value + inc * times > MAX
        ? reject({ type: 'Overflow', value, inc })
        : persist(
            Array.from({ length: times }, () => ({ type: 'Increased', inc })),
            (newValue) => newValue,
          ),
    Get: (value) => reply(value),
    // @ts-expect-error 'noEffect' returns nothing, as it may without the compiler
    Misbehave: (value, { how }) => {
      switch (how) {
        case 'cmdHandler':
          throw new Error('the handler is broken')
        case 'evtHandler':
          return persist(
            [
              { type: 'Increased', inc: 1 },
              { type: 'Increased', inc: 1, poison: true },
            ],
            () => value,
          )
        case 'thenReply':
          return persist({ type: 'Increased', inc: 1 }, () => {
            throw new Error('the reply is broken')
          })
        case 'binarizer':
          return persist({ type: 'Increased', inc: 1, extra: () => 'not data' }, () => value)
        case 'noEffect':
          return undefined
      }
    },
  }),
  handleEvt: (value, { inc, poison }) => {
    if (poison === true) throw new Error('the event is poison')
    return value + inc
  },
}

/** A log and a store that fail on request, a binarizer, and a fresh id: what a test of an entity starts with. */
export function fixture() {
  const log = new MemoryEvtLog()
  const evtLog = new FaultyEvtLog(log)
  const snapshotStore = new FaultySnapshotStore(new MemorySnapshotStore())
  const binarizer = jsonBinarizer<Evt, number>()
  return { log, evtLog, snapshotStore, binarizer, id: randomUUID() }
}

/** All of an entity's events. */
export async function evtsOf(log: EvtLog, id: string): Promise<PersistedEvt[]> {
  const evts: PersistedEvt[] = []
  for await (const evt of log.evtsById({ typeName: counter.typeName, id })) evts.push(evt)
  return evts
}
