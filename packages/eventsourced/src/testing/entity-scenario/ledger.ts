import { jsonBinarizer } from '../../binarizer/json-binarizer.js'
import { byType } from '../../domain/by-type.js'
import type { Command } from '../../domain/command.js'
import { persist, reject, reply } from '../../domain/effect.js'
import type { EventSourced } from '../../domain/event-sourced.js'

/** A sum, and a digest of all events in their order: two states are the same only if their events are. */
export interface Ledger {
  readonly sum: number
  readonly digest: number
}

/** Says on what the command was judged. */
export interface OutOfRange {
  readonly type: 'OutOfRange'
  readonly seqNo: number
  readonly ledger: Ledger
}

/** Changes the sum, in as many events as it says. */
export interface Move extends Command<Ledger, OutOfRange> {
  readonly type: 'Move'
  /** Which attempt of which caller this is: its events bear the same number. */
  readonly attempt: number
  readonly by: number
  readonly times: number
}

export interface Look extends Command<Ledger> {
  readonly type: 'Look'
}

/** Fails on the way named. */
export interface Fail extends Command<Ledger> {
  readonly type: 'Fail'
  readonly attempt: number
  readonly in: 'cmd' | 'evt' | 'reply' | 'encoding'
}

export type Cmd = Move | Look | Fail

export interface Moved {
  readonly type: 'Moved'
  readonly attempt: number
  readonly by: number
  /** Which of its command's events it is, 1 for the first, and how many they are. */
  readonly part: number
  readonly of: number
  /** What no handler, or no binarizer, can digest. */
  readonly indigestible?: true | (() => void)
}

/** The sum stays within 0 and this. */
export const MAX_SUM = 20

/** The domain type of the scenarios, under a type name of its own: scenarios may share a database. */
export function ledgerType(typeName: string, snapshotEvery: number): EventSourced<Cmd, Moved, Ledger> {
  return {
    typeName,
    initialState: { sum: 0, digest: 0 },
    handleCmd: byType({
      Move: (ledger, { attempt, by, times }, { seqNo }) => {
        const sum = ledger.sum + by * times
        return sum < 0 || sum > MAX_SUM
          ? reject({ type: 'OutOfRange', seqNo, ledger })
          : persist(
              Array.from({ length: times }, (_, index) => ({ type: 'Moved', attempt, by, part: index + 1, of: times })),
              (ledger) => ledger,
            )
      },
      Look: (ledger) => reply(ledger),
      Fail: (_, { attempt, in: where }) => {
        const evt: Moved = { type: 'Moved', attempt, by: 0, part: 1, of: 2 }
        switch (where) {
          case 'cmd':
            throw new Error('a bug in the command handler')
          case 'evt':
            return persist([evt, { ...evt, part: 2, indigestible: true }], (ledger) => ledger)
          case 'reply':
            return persist([evt, { ...evt, part: 2 }], () => {
              throw new Error('a bug in the reply')
            })
          case 'encoding':
            return persist([evt, { ...evt, part: 2, indigestible: () => undefined }], (ledger) => ledger)
        }
      },
    }),
    handleEvt: ({ sum, digest }, { attempt, by, part, indigestible }) => {
      if (indigestible === true) throw new Error('a bug in the event handler')
      return { sum: sum + by, digest: (Math.imul(digest ^ (attempt * 16 + part), 0x01000193) + 1) >>> 0 }
    },
    ...(snapshotEvery > 0 ? { snapshot: (_: Ledger, seqNo: number) => seqNo % snapshotEvery === 0 } : {}),
  }
}

export const ledgerBinarizer = () => jsonBinarizer<Moved, Ledger>({ evts: { Moved: [] } })
