import type { RejectionOf, ReplyOf } from './command.js'

/** Store these events, then reply. Made by {@link persist}. */
export interface Persist<Evt, State, Reply> {
  readonly effect: 'persist'
  readonly evts: readonly Evt[]
  readonly thenReply: ((state: State) => Reply) | undefined
}

/** Store nothing and reply. Made by {@link reply}. */
export interface ReplyOnly<Reply> {
  readonly effect: 'reply'
  readonly reply: Reply
}

/** Store nothing and refuse the command. Made by {@link reject}. */
export interface Reject<Rejection> {
  readonly effect: 'reject'
  readonly rejection: Rejection
}

/** What the handler of `Cmd` may answer. {@link byType} asks it of each command for itself. */
export type CmdEffect<Cmd, Evt, State> =
  | Persist<Evt, State, ReplyOf<Cmd>>
  | ReplyOnly<ReplyOf<Cmd>>
  | Reject<RejectionOf<Cmd>>

/**
 * Accepts a command: its events are stored, whole or not at all, before the caller is answered. An array without events stores nothing.
 *
 * `thenReply` computes the reply from the state that the events lead to. It runs when the command is handled; if it throws, that
 * command fails and nothing of it is stored.
 *
 * @example
 * persist({ type: 'Increased', oldValue: value, inc }, (newValue) => newValue)
 */
export function persist<Evt>(evts: NoInfer<Evt | readonly Evt[]>): Persist<Evt, unknown, void>
export function persist<Evt, State, Reply>(
  evts: NoInfer<Evt | readonly Evt[]>,
  thenReply: (state: State) => NoInfer<Reply>,
): Persist<Evt, State, Reply>
export function persist<Evt, State, Reply>(
  evts: Evt | readonly Evt[],
  thenReply?: (state: State) => Reply,
): Persist<Evt, State, Reply> {
  return { effect: 'persist', evts: isList(evts) ? evts : [evts], thenReply }
}

function isList<Evt>(evts: Evt | readonly Evt[]): evts is readonly Evt[] {
  return Array.isArray(evts)
}

/**
 * Answers a command without storing anything, for queries and for commands that have nothing to do.
 *
 * @example
 * reply(value)
 */
export function reply(): ReplyOnly<void>
export function reply<Reply>(value: NoInfer<Reply>): ReplyOnly<Reply>
export function reply(value?: unknown): ReplyOnly<unknown> {
  return { effect: 'reply', reply: value }
}

/**
 * Refuses a command with a typed value that tells the caller why. Nothing is stored.
 *
 * @example
 * reject({ type: 'Overflow', value, inc })
 */
export function reject<Rejection>(rejection: NoInfer<Rejection>): Reject<Rejection> {
  return { effect: 'reject', rejection }
}
