import { hasCode, InvalidInputError } from 'eventsourced'
import { messageOf } from '../errors/message-of.js'

/**
 * What went wrong with a counter, as a word that code can look at.
 *
 * | code | what it means | what to do |
 * |---|---|---|
 * | `INVALID_INPUT` | an argument, a setting or the server is not what it must be; nothing happened | mend the caller |
 * | `COUNTER_NOT_ENABLED` | the stream is no counter stream: `allow_msg_counter` is off | create another: it can't be turned on later |
 * | `DIRECT_ACCESS_REQUIRED` | the stream's `allow_direct` is off | turn it on |
 * | `NO_COUNTER_FOR_SUBJECT` | nothing was ever added on the subject | take it for 0, if that is what it means to you |
 * | `INVALID_COUNTER_VALUE` | what is stored is no whole number | look into the stream: the counter is broken |
 * | `INVALID_SOURCES` | what is stored of the sources' contributions can't be read | look into the stream |
 * | `MISSING_RESPONSE_VALUE` | the server acknowledged an add without the counter's value; it is counted | load it |
 * | `INVALID_RESPONSE_VALUE` | the server acknowledged an add with something else than a whole number; it is counted | load it |
 * | `SERIALIZATION` | what is stored or was answered is not the JSON it must be | look into the stream |
 * | `STREAM` | the stream is missing, can't be created, or exists with other settings | see the message |
 * | `PUBLISH` | the add is **not** counted; `cause` tells whether it was refused, or may be tried again (`UNAVAILABLE`) | see the cause |
 * | `UNCERTAIN` | the add may be counted or not, and the time to find out is over | the same again with the same `id`, if it had one |
 * | `REQUEST` | something could not be read; `cause` tells whether it was refused, or may be tried again (`UNAVAILABLE`) | see the cause |
 * | `CLOSED` | the counters are closed; nothing happened | open them anew |
 */
export type CounterErrorCode =
  | 'INVALID_INPUT'
  | 'COUNTER_NOT_ENABLED'
  | 'DIRECT_ACCESS_REQUIRED'
  | 'NO_COUNTER_FOR_SUBJECT'
  | 'INVALID_COUNTER_VALUE'
  | 'INVALID_SOURCES'
  | 'MISSING_RESPONSE_VALUE'
  | 'INVALID_RESPONSE_VALUE'
  | 'SERIALIZATION'
  | 'STREAM'
  | 'PUBLISH'
  | 'UNCERTAIN'
  | 'REQUEST'
  | 'CLOSED'

/** All that fails about counters fails with this; but a read whose signal fires throws the signal's reason. */
export class CounterError extends Error {
  override readonly name: string = 'CounterError'
  readonly code: CounterErrorCode

  constructor(code: CounterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Whether `error` is one of the counters' with the code given.
 *
 * @example
 * const orZero = (error: unknown) => {
 *   if (hasCounterCode(error, 'NO_COUNTER_FOR_SUBJECT')) return 0n
 *   throw error
 * }
 * const visits = await counters.load('counters.visits').catch(orZero)
 */
export function hasCounterCode(error: unknown, code: CounterErrorCode): error is CounterError {
  return error instanceof Error && error.name === 'CounterError' && 'code' in error && error.code === code
}

/** An argument or a setting is wrong: the message names it, the offending value and what would be right. */
export function invalidInput(field: string, value: unknown, expected: string): CounterError {
  return counterError('INVALID_INPUT', new InvalidInputError(field, value, expected))
}

/** What failed, as an error of the counters. One that is one already stays as it is; wrong input is wrong input whatever was tried. */
export function counterError(code: CounterErrorCode, error: unknown): CounterError {
  if (error instanceof CounterError) return error
  const message = messageOf(error)
  return new CounterError(hasCode(error, 'INVALID_INPUT') ? 'INVALID_INPUT' : code, message, { cause: error })
}

/** Does something of which all that fails becomes an error of the counters, but for the reason of a signal that has fired. */
export async function failingAs<Result>(
  code: CounterErrorCode,
  action: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    signal?.throwIfAborted()
    throw counterError(code, error)
  }
}
