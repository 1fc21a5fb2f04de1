import { UnavailableError } from '../errors.js'

/** How long a delivery that was given up may take to end. */
const GRACE_MS = 5_000

/** A delivery that was given up must end soon: one that hangs is left alone, and its slices are claimed anew, which fences it off. */
export async function settled<Result>(delivery: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const over = new AbortController()
  const late = givenUp(signal, over.signal).then(() => {
    throw new UnavailableError(`a delivery that was given up has not ended within ${GRACE_MS} ms`)
  })
  try {
    return await Promise.race([delivery, late])
  } finally {
    over.abort()
  }
}

/** Ends some time after a signal has fired; never if it is over before. */
function givenUp(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const fired = () => {
      timer = setTimeout(resolve, GRACE_MS)
    }
    if (signal.aborted) fired()
    else signal.addEventListener('abort', fired, { once: true })
    over.addEventListener('abort', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', fired)
    })
  })
}
