import { UnavailableError } from 'eventsourced'
import type { Wire } from './wire.js'

/**
 * Waits for a promise of the package's, but no longer than the connection lasts: what the package has on its way when a
 * connection is closed never ends.
 */
export async function orLost<Result>(promise: Promise<Result>, wire: Wire): Promise<Result> {
  let unwatch = () => {}
  try {
    return await new Promise<Result>((resolve, reject) => {
      unwatch = wire.watch({ onLost: (why) => reject(new UnavailableError(why)) })
      promise.then(resolve, reject)
    })
  } finally {
    unwatch()
  }
}
