declare const outcome: unique symbol

/**
 * What a command promises its caller: the type of its reply and of its rejection. Commands are plain data; the two types are
 * phantoms that exist for the compiler only.
 *
 * @example
 * interface Inc extends Command<bigint, Overflow> { readonly type: 'Inc'; readonly inc: bigint }
 */
export interface Command<Reply = void, Rejection = never> {
  /** Never set. */
  readonly [outcome]?: { readonly reply: Reply; readonly rejection: Rejection }
}

type OutcomeOf<Cmd> = Cmd extends { readonly [outcome]?: infer Outcome } ? NonNullable<Outcome> : never

/** The reply that a command promises; `void` if it promises none. */
export type ReplyOf<Cmd> = OutcomeOf<Cmd> extends { readonly reply: infer Reply } ? Reply : void

/** The rejections that a command may meet; `never` if it can't be rejected. */
export type RejectionOf<Cmd> = OutcomeOf<Cmd> extends { readonly rejection: infer Rejection } ? Rejection : never
