import { setTimeout as sleep } from 'node:timers/promises'
import { isDate } from 'node:util/types'
import { checkFields } from '../entity/check-fields.js'
import { InvalidInputError } from '../errors.js'
import { MAX_TIMER } from '../max-timer.js'

/** Until when to wait. */
export interface WaitOptions {
  /** 10 seconds from now by default. */
  readonly deadline?: Date
  readonly signal?: AbortSignal
}

/** Checked, with all defaults. */
export interface Waiting {
  readonly deadline: Date
  readonly signal: AbortSignal | undefined
}

const PATIENCE_MS = 10_000

/** Checks until when to wait. @throws {InvalidInputError} */
export function checkedWait(options: WaitOptions): Waiting {
  checkFields('options', options, ['deadline', 'signal'])
  const { deadline = new Date(Date.now() + PATIENCE_MS), signal } = options
  if (!isDate(deadline) || Number.isNaN(deadline.getTime())) {
    throw new InvalidInputError('deadline', deadline, 'a valid Date')
  }
  return { deadline, signal }
}

/** Ends at a time, however far away. @throws the signal's abort */
export async function sleepUntil(deadline: Date, signal: AbortSignal): Promise<void> {
  for (;;) {
    const left = deadline.getTime() - Date.now()
    if (left <= 0) return
    await sleep(Math.min(left, MAX_TIMER), undefined, { signal })
  }
}
