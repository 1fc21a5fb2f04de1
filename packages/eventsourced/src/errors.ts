const ERROR_CODES = [
  'INVALID_INPUT',
  'CONFLICT',
  'REFUSED',
  'UNAVAILABLE',
  'UNCERTAIN',
  'MAILBOX_FULL',
  'STOPPED',
  'RECOVERING',
  'WITHDRAWN',
  'CMD_HANDLER_FAILED',
  'EVT_HANDLER_FAILED',
  'BINARIZER_FAILED',
  'UNKNOWN_EVT_TYPE',
  'EVT_TOO_NEW',
  'REPLAY_OUT_OF_ORDER',
  'LOG_LOST_EVENTS',
  'SNAPSHOT_UNREADABLE',
  'RECOVERY_FAILED',
  'PROJECTION_HANDLER_FAILED',
  'PROJECTION_HANDLER_TIMEOUT',
  'PROJECTION_ON_ERROR_FAILED',
  'NOT_REACHED',
  'PARKED',
  'COPY_DIFFERS',
] as const

/**
 * What went wrong, as a word that code can look at: two copies of this package agree on it, where `instanceof` would not.
 *
 * | code | what it means | what to do |
 * |---|---|---|
 * | `INVALID_INPUT` | an argument or a setting is wrong; nothing happened | mend the caller |
 * | `CONFLICT` | another writer was first; nothing of this append is stored | read on, decide again |
 * | `REFUSED` | it can't be stored (too large, closed, bad input); nothing is stored | don't repeat it |
 * | `UNAVAILABLE` | nothing was stored; the log or store can't be reached or is overloaded | the same again, later |
 * | `UNCERTAIN` | it may be stored or not | never go on from memory: recover |
 * | `MAILBOX_FULL` | the command was not accepted | later, or elsewhere |
 * | `STOPPED` | the entity no longer accepts commands; the command was not handled | ask for the entity anew |
 * | `RECOVERING` | the entity recovers, and is configured to fail commands meanwhile; the command was not handled | later |
 * | `WITHDRAWN` | the caller's signal or deadline came before the command was handled; `cause` is the reason | as the caller likes |
 * | `CMD_HANDLER_FAILED` | the command handler threw; nothing of the command is stored | mend the handler |
 * | `EVT_HANDLER_FAILED` | the event handler threw; on a new event, nothing of the command is stored | mend the handler |
 * | `BINARIZER_FAILED` | a value could not be turned into bytes, or bytes into a value | mend the type or the binarizer |
 * | `UNKNOWN_EVT_TYPE` | the log holds an event of a type that this code does not know | deploy code that knows it |
 * | `EVT_TOO_NEW` | the log holds an event of a newer version than this code knows | deploy newer code |
 * | `REPLAY_OUT_OF_ORDER` | the log answered with a gap, a repeat or the wrong order | look into the log; nothing was applied |
 * | `LOG_LOST_EVENTS` | a snapshot, an entity or a projection is ahead of the log, or stands on another writer's event | restore the log |
 * | `SNAPSHOT_UNREADABLE` | a snapshot can't be read, and the events that it stands for are deleted | restore the log |
 * | `RECOVERY_FAILED` | an entity could not be recovered; `cause` says why | see the cause |
 * | `PROJECTION_HANDLER_FAILED` | a projection's handler threw; `cause` is what | mend the handler; `onError` says what becomes of the event |
 * | `PROJECTION_HANDLER_TIMEOUT` | a projection's handler did not end in time | as above; it may still go on |
 * | `PROJECTION_ON_ERROR_FAILED` | a projection's `onError` threw, or answered with no verdict; `cause` is what | mend it, then resume the slice |
 * | `NOT_REACHED` | a projection has not come so far by the deadline | wait on, or look at its status |
 * | `PARKED` | an event that was waited for is parked: the read model lacks it | retry or drop it |
 * | `COPY_DIFFERS` | a log copied to holds what is not a copy | copy to a log without these entities |
 */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** The base of all errors of this library: a technical failure, never a rejection. */
export class EventSourcedError extends Error {
  override readonly name: string = 'EventSourcedError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Whether `error` is one of this library's with the code given.
 *
 * @example
 * catch (error) { if (hasCode(error, 'MAILBOX_FULL')) return tryLater() }
 */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  code: Code,
): error is EventSourcedError & { readonly code: Code } {
  return error instanceof Error && 'code' in error && error.code === code
}

/** The code of an error of this library's, whichever copy of it threw; undefined for everything else. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return ERROR_CODES.find((code) => hasCode(error, code))
}

/**
 * Whether `error` is one of this library's, whichever copy of it threw.
 *
 * @example
 * catch (error) { throw isEventSourcedError(error) ? error : new UnavailableError('…', { cause: error }) }
 */
export function isEventSourcedError(error: unknown): error is EventSourcedError {
  return codeOf(error) !== undefined
}

/** An argument or a setting is wrong: names the field, the offending value and what would be right. Nothing happened. */
export class InvalidInputError extends EventSourcedError {
  override readonly name: string = 'InvalidInputError'
  readonly field: string

  constructor(field: string, value: unknown, expected: string, options?: ErrorOptions) {
    super('INVALID_INPUT', `${field} is ${show(value)}: expected ${expected}`, options)
    this.field = field
  }
}

/** Another writer was first: nothing of this append is stored. Read what it wrote, and decide again. */
export class ConflictError extends EventSourcedError {
  override readonly name: string = 'ConflictError'
  constructor(message: string, options?: ErrorOptions) {
    super('CONFLICT', message, options)
  }
}

/** Why a log or store refused. */
export type RefusedReason = 'too-large' | 'closed' | 'bad-input' | 'full' | 'forbidden'

/** It can't be stored, and nothing is. Sending the same again is of no use. */
export class RefusedError extends EventSourcedError {
  override readonly name: string = 'RefusedError'
  readonly reason: RefusedReason

  constructor(reason: RefusedReason, message: string, options?: ErrorOptions) {
    super('REFUSED', message, options)
    this.reason = reason
  }
}

/** Nothing was stored, or could be read, for now. The very same may be tried again. */
export class UnavailableError extends EventSourcedError {
  override readonly name: string = 'UnavailableError'
  constructor(message: string, options?: ErrorOptions) {
    super('UNAVAILABLE', message, options)
  }
}

/** It may be stored or not, and the time to find out is over. Whoever gets this must not go on from memory. */
export class UncertainError extends EventSourcedError {
  override readonly name: string = 'UncertainError'
  constructor(message: string, options?: ErrorOptions) {
    super('UNCERTAIN', message, options)
  }
}

const SHOWN_CHARS = 100

/** A value as it may stand in a message: short, on one line, whatever it is. */
export function show(value: unknown): string {
  const text = describe(value)
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text
}

function describe(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `a ${typeof value}`
  }
}

/** What an error says, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : show(thrown)
}

/** What was thrown as an error, whatever it is. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(show(thrown), { cause: thrown })
}
