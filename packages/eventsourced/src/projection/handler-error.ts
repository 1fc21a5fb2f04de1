import { EventSourcedError, hasCode } from '../errors.js'

/** A projection's handler threw, or did not end in time. */
export class HandlerError extends EventSourcedError {
  override readonly name: string = 'HandlerError'
  /** Which event of the batch it was given, counted from 0; undefined if it was given all at once. */
  readonly index: number | undefined

  constructor(
    code: 'PROJECTION_HANDLER_FAILED' | 'PROJECTION_HANDLER_TIMEOUT',
    message: string,
    { index, ...options }: ErrorOptions & { readonly index?: number | undefined } = {},
  ) {
    super(code, message, options)
    this.index = index
  }
}

/** Whether a handler failed, whichever copy of this package says so: a delivery may come with one of its own. */
export function isHandlerError(error: unknown): error is HandlerError {
  return hasCode(error, 'PROJECTION_HANDLER_FAILED') || hasCode(error, 'PROJECTION_HANDLER_TIMEOUT')
}
