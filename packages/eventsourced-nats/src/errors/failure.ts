import { type EventSourcedError, isEventSourcedError, RefusedError, UnavailableError } from 'eventsourced'
import { ErrorCode, NatsError } from 'nats'
import { messageOf } from './message-of.js'
import { requestError } from './codes.js'

const PERMISSIONS_VIOLATION: string = ErrorCode.PermissionsViolation
const NO_RESPONDERS: string = ErrorCode.NoResponders

/** What a request that the package has made fails with, as an error of ours. */
export function failureOf(what: string, error: unknown): EventSourcedError {
  if (isEventSourcedError(error)) return error
  const message = messageOf(error)
  if (!(error instanceof NatsError)) return new UnavailableError(`${what}: ${message}`, { cause: error })
  if (error.api_error !== undefined) {
    const { code, err_code: errCode, description } = error.api_error
    return requestError(what, { kind: 'error', code: errCode ?? code, description })
  }
  if (error.code === PERMISSIONS_VIOLATION || error.isAuthError()) {
    return new RefusedError('forbidden', `${what}: ${message}`, { cause: error })
  }
  const why = error.code === NO_RESPONDERS ? 'JetStream does not answer' : `${message} (${error.code})`
  return new UnavailableError(`${what}: ${why}`, { cause: error })
}
