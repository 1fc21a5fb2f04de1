import type { RejectionOf, ReplyOf } from '../domain/command.js'
import type { EntityKey } from '../log/entity-key.js'

/** The command was accepted, and its events, if it has any, are stored. */
export interface Accepted<Evt, Reply> {
  readonly ok: true
  readonly key: EntityKey
  /** The seqNo of the command's last event; the entity's at that moment if the command stored none. */
  readonly seqNo: number
  /** The position of the event `seqNo` in the log; 0 if the entity has no events. */
  readonly position: number
  /** The command's events. */
  readonly evts: readonly Evt[]
  readonly reply: Reply
  /** Set if the command's id was known: it was handled before, not now. `evts` is empty, seqNo and position are those of then. */
  readonly repeated?: true
}

/** The command was refused by its handler, and nothing is stored. */
export interface Rejected<Rejection> {
  readonly ok: false
  readonly rejection: Rejection
}

/** How a command ended. One that can't be rejected needs no look at `ok`. */
export type CmdResult<Cmd, Evt> =
  | Accepted<Evt, ReplyOf<Cmd>>
  | ([RejectionOf<Cmd>] extends [never] ? never : Rejected<RejectionOf<Cmd>>)

/** The rejection of a command with `expectedSeqNo` where the entity's last event is another one. */
export interface MovedOn {
  readonly type: 'MovedOn'
  readonly expectedSeqNo: number
  /** The seqNo of the entity's last event. */
  readonly seqNo: number
}

/**
 * Which of an entity's commands `Given` is. A literal such as `{ type: 'Inc', inc: 1n }` bears no phantom type of its own: it is the
 * member of the union it fits that knows the reply and the rejections.
 */
export type MatchingCmd<Cmd, Given> = Given extends unknown
  ? Cmd extends unknown
    ? Given extends Cmd
      ? Cmd
      : never
    : never
  : never

/** How a command ended, for those that only carry its reply or rejection. */
export type Settled<Evt> = Accepted<Evt, unknown> | Rejected<unknown>
