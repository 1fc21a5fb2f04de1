import { AssertionError } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'

/** @throws {AssertionError} with both values, of which test runners show the difference */
export function assertSame(actual: unknown, expected: unknown, message: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new AssertionError({ message, actual, expected, operator: 'deepStrictEqual' })
}

export function failure(message: string, cause?: unknown): AssertionError {
  const error = new AssertionError({ message })
  if (cause !== undefined) error.cause = cause
  return error
}
