import type { CmdEffect } from './effect.js'

/** String to string: correlation, causation, trace context, whatever the caller puts into `handleCmd(cmd, { metadata })`. */
export type Metadata = Readonly<Record<string, string>>

/** What a command handler may know besides the state and the command. */
export interface CmdContext {
  /** The entity's id, in lower case. */
  readonly id: string
  /** The seqNo of the last event applied to the state; 0 if there is none. */
  readonly seqNo: number
  /** When the command arrived. Handling it again, after a conflict, sees the same time and so decides alike. */
  readonly now: Date
  /** What the caller put into `handleCmd(cmd, { metadata })`. */
  readonly metadata: Metadata
}

/**
 * A domain type: pure functions over an immutable state. The runtime tries events on the state before they are stored, runs ahead
 * of writes in flight, handles a command again after a conflict and replays, so the handlers must neither change what
 * they are given nor do anything besides.
 *
 * @example
 * export const counter: EventSourced<Inc | Dec, Evt, bigint> = {
 *   typeName: 'counter',
 *   initialState: 0n,
 *   handleCmd: byType({
 *     Inc: (value, { inc }) =>
 *       value + inc > MAX ? reject({ type: 'Overflow', value, inc }) : persist({ type: 'Increased', oldValue: value, inc }, (v) => v),
 *     Dec: …
 *   }),
 *   handleEvt: (value, evt) => (evt.type === 'Increased' ? value + evt.inc : value - evt.dec),
 * }
 */
export interface EventSourced<Cmd, Evt, State> {
  /** Namespaces ids in every log: two types may share an id. Matches `[A-Za-z0-9_-]{1,64}`; never change it once events are stored. */
  readonly typeName: string
  /** The state of an entity without events. All entities start from this very object, so it is frozen, as deep as it goes. */
  readonly initialState: State
  /** Decides what a command does: {@link persist}, {@link reply} or {@link reject}. */
  readonly handleCmd: (state: State, cmd: Cmd, ctx: CmdContext) => CmdEffect<Cmd, Evt, State>
  /** The state after an event. `seqNo` is the event's: 1 for the entity's first. */
  readonly handleEvt: (state: State, evt: Evt, seqNo: number) => State
  /** Whether to take a snapshot of the state after the event `seqNo`; see {@link snapshotEvery}. Never, if absent. */
  readonly snapshot?: (state: State, seqNo: number) => boolean
}
