import { UnavailableError } from '../errors.js'

/** How long a delivery that was given up may take to end. */
const GRACE_MS = 5_000

/** A delivery that was given up must end soon: one that hangs is left alone, and its slices are claimed anew, which fences it off. */
export async function settled<Result>(delivery: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  let onAbort = () => {}
  const late = new Promise<never>((_, reject) => {
    const tooLate = () =>
      reject(new UnavailableError(`a delivery that was given up has not ended within ${GRACE_MS} ms`))
    onAbort = () => {
      timer = setTimeout(tooLate, GRACE_MS)
    }
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([delivery, late])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
