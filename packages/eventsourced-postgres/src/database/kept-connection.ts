import type { Pool, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { messageOf } from '../errors/read-error.js'
import type { Bounds } from './in-time.js'
import { type Borrowed, borrow, workOn } from './lend.js'

/** After this time a connection goes through its pool again, which may have reasons to make another, such as `maxLifetimeSeconds`. */
const RENEW_MS = 1_000

/**
 * The connection of a pool that has but one, kept from one piece of work to the next. To take it out of its pool and give it back each time would
 * cost a lone append a tenth of its time; and one that the pool closes while it is idle would have the next append wait for another.
 */
export class KeptConnection {
  readonly #pool: Pool
  readonly #logger: Logger
  #kept: Borrowed | undefined

  constructor(pool: Pool, logger: Logger) {
    this.#pool = pool
    this.#logger = logger
  }

  /** Lends it. Whoever comes meanwhile waits for as long as the bounds allow. */
  async lend<T>(bounds: Bounds, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const borrowed = this.#kept ?? (await this.#borrow(bounds))
    this.#kept = undefined
    return workOn(borrowed, bounds, work)
  }

  /** Ends the pool, which then takes its connection back. */
  close(): Promise<void> {
    const ended = this.#pool.end()
    this.#kept?.giveBack(false)
    return ended
  }

  async #borrow(bounds: Bounds): Promise<Borrowed> {
    const { client, giveBack } = await borrow(this.#pool, bounds)
    const renewAt = performance.now() + RENEW_MS
    const onLost = (error: Error): void => {
      // Whoever works with it hears of it, and cuts it.
      if (this.#kept !== kept) return
      this.#logger.warn({ error: messageOf(error) }, 'an idle connection was lost')
      kept.giveBack(true)
    }
    const kept: Borrowed = {
      client,
      giveBack: (cut) => {
        const isKept = !cut && !this.#pool.ending && performance.now() < renewAt
        this.#kept = isKept ? kept : undefined
        if (isKept) return
        client.off('error', onLost)
        giveBack(cut)
      },
    }
    client.on('error', onLost)
    return kept
  }
}
