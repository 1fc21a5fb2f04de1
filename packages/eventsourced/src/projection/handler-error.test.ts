import { expect, test } from 'vitest'
import { EventSourcedError } from '../errors.js'
import { HandlerError, isHandlerError } from './handler-error.js'

test('what a handler failed with is known by its code, whichever copy of this package a delivery comes with', () => {
  class HandlerErrorOfAnotherCopy extends Error {
    readonly code = 'PROJECTION_HANDLER_FAILED'
    readonly index = 2
  }
  expect(isHandlerError(new HandlerErrorOfAnotherCopy('no'))).toBe(true)
  expect(isHandlerError(new HandlerError('PROJECTION_HANDLER_TIMEOUT', 'too late'))).toBe(true)
  expect(isHandlerError(new EventSourcedError('UNAVAILABLE', 'the store is away'))).toBe(false)
  expect(isHandlerError(new Error('no'))).toBe(false)
})
