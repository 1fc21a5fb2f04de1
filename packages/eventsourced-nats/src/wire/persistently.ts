import { hasCode, UnavailableError } from 'eventsourced'
import type { Logger } from 'pino'
import { backOff } from './back-off.js'
import { orAborted } from './or-aborted.js'
import type { Wire } from './wire.js'

/** How long to try, and over what. */
export interface Trying {
  readonly wire: Wire
  /** How long something may be tried again before it fails. */
  readonly timeoutMs: number
  readonly logger: Logger | undefined
}

/**
 * Does what may be done again at will, until it succeeds or the time is over. What can't succeed is not tried again. The action ends with the connection, as what
 * the wire sends does by itself.
 *
 * @throws what `action` throws, or the signal's reason
 */
export async function persistently<Result>(
  { wire, timeoutMs, logger }: Trying,
  what: string,
  signal: AbortSignal | undefined,
  action: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    const isConnected = await wire.whenConnected(deadline - performance.now(), signal)
    signal?.throwIfAborted()
    if (!isConnected) throw new UnavailableError(`${what}: there is no connection to NATS`)
    try {
      return await orAborted(action(), signal)
    } catch (error) {
      signal?.throwIfAborted()
      const isWorthIt = hasCode(error, 'UNAVAILABLE')
      if (!isWorthIt || performance.now() >= deadline) throw error
      logger?.debug({ err: error, attempt }, `${what} failed: trying again`)
      await backOff(attempt, signal)
    }
  }
}
