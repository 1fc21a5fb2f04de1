import { failureOf } from '../errors/failure.js'
import { orLost } from './or-lost.js'
import type { Wire } from './wire.js'

/**
 * Has the package ask the server, and waits no longer than the connection lasts.
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function byPackage<Answer>(wire: Wire, what: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await orLost(ask(), wire)
  } catch (error) {
    throw failureOf(what, error)
  }
}
