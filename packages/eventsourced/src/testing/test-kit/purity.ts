import { deepFreeze } from '../../domain/deep-freeze.js'
import { messageOf } from '../../errors.js'
import { assertSame, failure } from './assert-same.js'

/**
 * Calls a handler on frozen copies of what it is given: one that changes them is found out.
 *
 * @param given makes copies that share nothing with those made before
 * @throws {AssertionError} if the handler changed what it was given; otherwise what it throws
 */
export function unchanging<Given, Result>(what: string, given: () => Given, handler: (given: Given) => Result): Result {
  const frozen = deepFreeze(given())
  let result: Result
  try {
    result = handler(frozen)
  } catch (error) {
    // Only a handler that writes to what it is given throws on frozen copies and not on others.
    if (throwsOn(given(), handler)) throw error
    throw failure(`${what} changes what it is given: ${messageOf(error)}`, error)
  }
  // What can't be frozen, such as the content of a Map, is compared.
  assertSame(frozen, given(), `${what} changes what it is given`)
  return result
}

function throwsOn<Given>(given: Given, handler: (given: Given) => unknown): boolean {
  try {
    handler(given)
    return false
  } catch {
    return true
  }
}

/** Waits until the clock shows another time: by then, who reads it comes to another result. */
export function untilLater(): void {
  for (const now = Date.now(); Date.now() === now; );
}

/** Does again what went well before. @throws {AssertionError} if it throws, or the result is another one */
export function sameAgain<Result>(message: string, before: Result, again: () => Result): Result {
  let result: Result
  try {
    result = again()
  } catch (error) {
    throw failure(`${message}: now it throws ${messageOf(error)}`, error)
  }
  assertSame(result, before, message)
  return result
}
