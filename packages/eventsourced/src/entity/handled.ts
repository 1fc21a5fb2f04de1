import type { Span } from '@opentelemetry/api'
import type { Append, NewEvt } from '../log/evt-log.js'
import type { RememberedCmd } from './cmd-window.js'
import type { Envelope } from './envelope.js'

/** Where an entity stands. */
export interface Standing<State> {
  readonly state: State
  readonly seqNo: number
}

/** What handling a command came to. Its caller hears of it once all events before it are stored, and its own. */
export type Outcome<Evt> =
  | { readonly kind: 'accepted'; readonly evts: readonly Evt[]; readonly reply: unknown }
  | { readonly kind: 'repeated'; readonly cmd: RememberedCmd; readonly reply: unknown }
  | { readonly kind: 'rejected'; readonly rejection: unknown }
  | { readonly kind: 'failed'; readonly error: Error }

/** A handled command and where the entity stands after it, if all before it gets stored. */
export interface Handled<Cmd, Evt, State> {
  readonly envelope: Envelope<Cmd, Evt>
  readonly outcome: Outcome<Evt>
  /** The command's events as the log takes them; empty if it stores nothing. */
  readonly group: readonly NewEvt[]
  readonly state: State
  readonly seqNo: number
  /** Where the domain type wants a snapshot: the newest such place among the command's events. */
  readonly snapshot: Standing<State> | undefined
  /** What is remembered of a command with an id once its events are stored; its position is known only then. */
  readonly remembered: RememberedCmd | undefined
}

/** An append on its way, and the commands whose events it holds. */
export interface InFlight<Cmd, Evt, State> {
  readonly append: Append
  readonly handled: Handled<Cmd, Evt, State>[]
}

/** Whether a command has events to store. */
export function isStoring<Cmd, Evt, State>({ group }: Handled<Cmd, Evt, State>): boolean {
  return group.length > 0
}

/** How many commands at the beginning have no events to store. */
export function countStoringNothing<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): number {
  let count = 0
  while (handled[count]?.group.length === 0) count += 1
  return count
}

/** The events of those that have some, a group a command. */
export function groupsOf<Cmd, Evt, State>(
  handled: readonly Handled<Cmd, Evt, State>[],
): readonly (readonly NewEvt[])[] {
  const storing = handled.every(isStoring) ? handled : handled.filter(isStoring)
  return storing.map(({ group }) => group)
}

/** The spans of those that have events to store. */
export function spansOf<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): readonly Span[] {
  return handled.flatMap((one) => (isStoring(one) ? [one.envelope.span] : []))
}

/** Whether a command that stores nothing must not be answered before the log's head was compared: an append would have done that. */
export function needsFreshHead<Cmd, Evt, State>({ envelope, outcome, group }: Handled<Cmd, Evt, State>): boolean {
  const { fresh, cmdId, expectedSeqNo } = envelope.request
  if (group.length > 0 || outcome.kind === 'repeated') return false
  return fresh || cmdId !== undefined || expectedSeqNo !== undefined
}

/** Whether a command can't be answered without the log. */
export function needsLog<Cmd, Evt, State>(handled: Handled<Cmd, Evt, State>): boolean {
  return isStoring(handled) || needsFreshHead(handled)
}

/** The commands, as those who wait to be handled again: nothing of them is under way any more. */
export function waitAgain<Cmd, Evt, State>(
  handled: readonly Handled<Cmd, Evt, State>[],
): readonly Envelope<Cmd, Evt>[] {
  return handled.map(({ envelope }) => {
    envelope.isInFlight = false
    return envelope
  })
}
