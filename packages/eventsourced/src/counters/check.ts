import { InvalidInputError } from '../errors.js'
import type { Count } from './instance-aware-counter.js'

/** The largest and the smallest count: those of a signed integer of 64 bits. */
export const MAX_COUNT = 2n ** 63n - 1n
export const MIN_COUNT = -(2n ** 63n)

const MAX_NAME_BYTES = 255

/** Checks a key, a namespace or an instance id. @throws {InvalidInputError} */
export function checkCounterName(field: string, name: string): string {
  const isName = typeof name === 'string' && name !== '' && !name.includes('\0') && name.isWellFormed()
  if (!isName || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new InvalidInputError(field, name, `1 to ${MAX_NAME_BYTES} bytes of text without NUL and lone surrogates`)
  }
  return name
}

/** Checks a count. @throws {InvalidInputError} */
export function checkCount(count: Count): bigint {
  if (typeof count === 'number' && Number.isSafeInteger(count)) return BigInt(count)
  if (typeof count === 'bigint' && isCount(count)) return count
  throw new InvalidInputError('count', count, 'a bigint of 64 bits, or a number that is a safe integer')
}

/** Whether a value fits 64 bits. */
export function isCount(value: bigint): boolean {
  return value >= MIN_COUNT && value <= MAX_COUNT
}
