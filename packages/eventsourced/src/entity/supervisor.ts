import { EventSourcedError, hasCode, messageOf } from '../errors.js'
import type { EntityKey } from '../log/entity-key.js'
import { nameOf } from '../log/entity-key.js'
import { backOff } from './back-off.js'
import type { EntityType } from './options.js'
import type { Recovered } from './recover.js'

/** Brings an entity back: reads it from the log, again and again, the longer apart the more often in a row. */
export class Supervisor<Cmd, Evt, State> {
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #key: EntityKey
  #attempts = 0
  #healthySince = 0

  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey) {
    this.#type = type
    this.#key = key
  }

  /**
   * Reads until it succeeds.
   *
   * @throws {EventSourcedError} `RECOVERY_FAILED` when there were too many attempts; at once, what trying again can't mend
   */
  async bringBack(because: Error, read: () => Promise<Recovered<State>>): Promise<Recovered<State>> {
    const { supervision, logger } = this.#type
    if (Date.now() - this.#healthySince >= supervision.reset) this.#attempts = 0
    let reason = because
    while (this.#attempts < supervision.attempts) {
      logger?.warn({ ...this.#key, attempt: this.#attempts, err: reason }, 'the entity recovers')
      await backOff(supervision, this.#attempts)
      this.#attempts += 1
      try {
        const recovered = await read()
        this.#healthySince = Date.now()
        return recovered
      } catch (error) {
        if (!canPass(error)) throw error
        reason = error
      }
    }
    throw new EventSourcedError(
      'RECOVERY_FAILED',
      `${nameOf(this.#key)} could not be recovered in ${supervision.attempts} attempts: ${messageOf(reason)}`,
      { cause: reason },
    )
  }
}

/** Whether a failure to read may be over the next time: the log can't be reached, or failed in a way of its own. */
export function canPass(error: unknown): error is Error {
  return error instanceof Error && (!(error instanceof EventSourcedError) || hasCode(error, 'UNAVAILABLE'))
}
