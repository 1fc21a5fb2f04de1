import { EventSourcedError, InvalidInputError, messageOf, show } from '../errors.js'

/** An event that could not be handled. */
export interface FailedEvt {
  readonly error: Error
  /** How often the event was tried in a row, this time included. */
  readonly attempts: number
  /** Whether it can't even be decoded, so that no handler has seen it. */
  readonly isUndecodable: boolean
}

/**
 * What becomes of an event that could not be handled. `stop`: its slice does not go on until it is resumed. `skip`: the event is passed over. `park`: the
 * event, and those of the same entity behind it, are kept aside, until they are retried or dropped.
 */
export type Verdict = { readonly kind: 'again'; readonly afterMs: number } | { readonly kind: 'stop' | 'skip' | 'park' }

/** Judges an event that could not be handled, at once. Where it throws, or answers with no verdict, the event's slice stops. */
export type OnError = (failed: FailedEvt) => Verdict

const FINAL = ['stop', 'skip', 'park']

/** Asks for a verdict. @throws {EventSourcedError} `PROJECTION_ON_ERROR_FAILED`: guessing one might pass over an event */
export function verdictOf(onError: OnError, failed: FailedEvt): Verdict {
  let verdict: unknown
  try {
    verdict = onError(failed)
  } catch (cause) {
    throw onErrorFailed(`it threw: ${messageOf(cause)}`, failed, cause)
  }
  if (isVerdict(verdict)) return verdict
  throw onErrorFailed(`it answered ${show(verdict)}, which is no verdict`, failed, undefined)
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  if (typeof value.kind === 'string' && FINAL.includes(value.kind)) return true
  return value.kind === 'again' && 'afterMs' in value && typeof value.afterMs === 'number' && value.afterMs >= 0
}

function onErrorFailed(what: string, { error }: FailedEvt, cause: unknown): EventSourcedError {
  const message = `onError could not judge an event: ${what}. The event had failed with: ${error.message}`
  return new EventSourcedError('PROJECTION_ON_ERROR_FAILED', message, { cause: cause ?? error })
}

/** How an event is tried again. */
export interface RetryOptions {
  /** The first wait, in milliseconds; 100 by default. */
  readonly min?: number
  /** The longest wait, in milliseconds; 30,000 by default. */
  readonly max?: number
  /** By how much each wait is longer than the one before; 2 by default. */
  readonly factor?: number
  /** How much of each wait is left to chance, from 0 to 1; 0.5 by default: of a wait of 100 ms, 50 to 100. */
  readonly jitter?: number
  /** How often an event is tried in all, 1 or more; 10 by default, `Infinity` for ever. */
  readonly attempts?: number
  /** What becomes of it then; `stop` by default. */
  readonly then?: 'stop' | 'skip' | 'park'
}

/**
 * Tries an event again, with waits that grow. Meanwhile its slice waits; the others go on. One that can't be decoded is not tried again: it would fail alike.
 *
 * @throws {InvalidInputError}
 * @example
 * onError: retry({ min: 100, max: 10_000, attempts: 8, then: 'park' })
 */
export function retry(options: RetryOptions = {}): OnError {
  const { min = 100, max = 30_000, factor = 2, jitter = 0.5, attempts = 10, then = 'stop' } = options
  checkNumber('min', min, 0)
  checkNumber('max', max, min)
  checkNumber('factor', factor, 1)
  checkNumber('jitter', jitter, 0, 1)
  if (attempts !== Infinity && !(Number.isInteger(attempts) && attempts >= 1)) {
    throw new InvalidInputError('attempts', attempts, 'a whole number, 1 or more, or Infinity')
  }
  if (!['stop', 'skip', 'park'].includes(then)) throw new InvalidInputError('then', then, "'stop', 'skip' or 'park'")
  return (failed) => {
    if (failed.isUndecodable || failed.attempts >= attempts) return { kind: then }
    return { kind: 'again', afterMs: waitMs({ min, max, factor, jitter }, failed.attempts) }
  }
}

/** How long to wait after so many attempts, 1 or more, in milliseconds. */
export function waitMs(
  { min, max, factor, jitter }: Required<Pick<RetryOptions, 'min' | 'max' | 'factor' | 'jitter'>>,
  attempts: number,
): number {
  return Math.min(max, min * factor ** (attempts - 1)) * (1 - jitter * Math.random())
}

function checkNumber(field: string, value: number, atLeast: number, atMost = Number.MAX_SAFE_INTEGER): void {
  if (typeof value !== 'number' || !(value >= atLeast && value <= atMost)) {
    throw new InvalidInputError(field, value, `a number from ${atLeast} to ${atMost}`)
  }
}
