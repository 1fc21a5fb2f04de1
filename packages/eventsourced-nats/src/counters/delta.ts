import { invalidInput } from './counter-error.js'

/**
 * What to add, as a `bigint`.
 *
 * @throws {CounterError} `INVALID_INPUT` for a number that isn't a safe integer: it may already be another one than was meant
 */
export function checkDelta(delta: unknown): bigint {
  if (typeof delta === 'bigint') return delta
  if (typeof delta === 'number' && Number.isSafeInteger(delta)) return BigInt(delta)
  throw invalidInput('delta', delta, 'a bigint, or a number that is a safe integer')
}
