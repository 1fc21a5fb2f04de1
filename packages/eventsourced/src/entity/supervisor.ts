import { asError, codeOf, EventSourcedError, messageOf } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { LogHead } from '../log/evt-log.js'
import { backOff } from './back-off.js'
import type { EntityType } from './options.js'
import { type Recovered, recoverFrom } from './recover.js'

/** Brings an entity back: reads it from the log, again and again, the longer apart the more often it had to. */
export class Supervisor<Cmd, Evt, State> {
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #key: EntityKey
  /** How many attempts there were since the entity was last well for long enough: so much longer is the wait before the next. */
  #attempts = 0
  #backSince = 0

  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey) {
    this.#type = type
    this.#key = key
  }

  /**
   * Reads until it succeeds.
   *
   * @param known the head that the entity is known to have had
   * @throws {EventSourcedError} `RECOVERY_FAILED` when too many attempts in a row failed; at once, what trying again can't mend
   */
  async bringBack(because: Error, known: LogHead): Promise<Recovered<State>> {
    const { supervision, loggerOf } = this.#type
    if (performance.now() - this.#backSince >= supervision.reset) this.#attempts = 0
    let reason = because
    for (let failed = 0; failed < supervision.attempts; failed++) {
      loggerOf(this.#key)?.warn({ attempt: this.#attempts, err: reason }, 'the entity recovers')
      await backOff(supervision, this.#attempts)
      this.#attempts += 1
      try {
        const recovered = await recoverFrom(this.#type, this.#key, known)
        this.#backSince = performance.now()
        return recovered
      } catch (error) {
        if (!canPass(error)) throw error
        reason = asError(error)
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
export function canPass(error: unknown): boolean {
  const code = codeOf(error)
  return code === undefined || code === 'UNAVAILABLE'
}
