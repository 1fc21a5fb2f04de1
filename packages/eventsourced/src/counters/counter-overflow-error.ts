import { RefusedError } from '../errors.js'

/** A slice or a total would not fit a signed integer of 64 bits. Nothing has changed, and the same again is of no use. */
export class CounterOverflowError extends RefusedError {
  override readonly name: string = 'CounterOverflowError'

  constructor(key: string, value: bigint | string, options?: ErrorOptions) {
    super(
      'too-large',
      `the counter ${key} would come to ${value}, which 64 bits can't hold: set() or clear() begins it anew`,
      options,
    )
  }
}
