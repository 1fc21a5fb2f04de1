/** What bounds a wait. */
export interface Bounds {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** What happens when a wait is over before its end. */
export interface Otherwise<T> {
  /** The error of a wait that takes too long. */
  readonly tooLate: () => Error
  /** Sees to what nobody waits for any longer. */
  readonly leftBehind: (promise: Promise<T>) => void
}

/** Waits for a promise, but not longer than the bounds allow: then rejects with `tooLate()`, or with the signal's reason. */
export function inTime<T>(
  promise: Promise<T>,
  { timeoutMs, signal }: Bounds,
  { tooLate, leftBehind }: Otherwise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const leave = (reason: unknown): void => {
      over()
      leftBehind(promise)
      // An abort reason may be anything, and is passed on as it is.
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      reject(reason)
    }
    const onAbort = (): void => leave(signal?.reason)
    const timer = setTimeout(() => leave(tooLate()), timeoutMs)
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort)
    promise.finally(over).then(resolve, reject)
  })
}
