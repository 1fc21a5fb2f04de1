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
export async function inTime<T>(
  promise: Promise<T>,
  { timeoutMs, signal }: Bounds,
  { tooLate, leftBehind }: Otherwise<T>,
): Promise<T> {
  let leave: (reason: unknown) => void = () => undefined
  let isLeft = false
  const left = new Promise<never>((_, reject) => {
    leave = (reason) => {
      isLeft = true
      reject(reason)
    }
  })
  const timer = setTimeout(() => leave(tooLate()), timeoutMs)
  const onAbort = (): void => leave(signal?.reason)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, left])
  } catch (error) {
    if (isLeft) leftBehind(promise)
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
