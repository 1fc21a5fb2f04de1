/** Waits for a promise, but no longer than until the signal fires: then it throws the signal's reason. Leaves no listener behind. */
export async function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return promise
  // Once the signal has fired, how the promise ends is nobody's business any more.
  promise.catch(() => undefined)
  signal.throwIfAborted()
  let abort = () => {}
  try {
    return await new Promise<Result>((resolve, reject) => {
      abort = () => reject(asError(signal.reason))
      signal.addEventListener('abort', abort)
      promise.then(resolve, reject)
    })
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason), { cause: reason })
}
