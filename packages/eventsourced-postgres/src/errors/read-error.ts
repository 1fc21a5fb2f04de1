import { type EventSourcedError, isEventSourcedError, RefusedError, UnavailableError } from 'eventsourced'
import { meaningOf } from './sqlstate.js'

/** The error of a read, or of a write that may be repeated at will, as the contract has it: refused, or unavailable. */
export function readError(doing: string, error: unknown): EventSourcedError {
  if (isEventSourcedError(error)) return error
  const message = `${doing} failed: ${messageOf(error)}`
  const meaning = meaningOf(error)
  if (meaning === 'forbidden' || meaning === 'too-large') return new RefusedError(meaning, message, { cause: error })
  if (meaning === 'data') return new RefusedError('bad-input', message, { cause: error })
  return new UnavailableError(message, { cause: error })
}

/** An error's message; of a failure to connect to each of a host's addresses, theirs. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
