import { asError, EventSourcedError } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import { type BackOff, backOff } from './back-off.js'
import type { Envelope } from './envelope.js'
import { type Handled, isStoring, needsLog, waitAgain } from './handled.js'
import type { EntityType } from './options.js'
import type { NotStored } from './persist.js'
import { catchUp, type Recovered } from './recover.js'
import { canPass, Supervisor } from './supervisor.js'

const CONFLICT: BackOff = { start: 1, max: 200 }

/** Brings an entity back to where it can go on after an append that is not known to be stored. */
export class Mender<Cmd, Evt, State> {
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #key: EntityKey
  readonly #supervisor: Supervisor<Cmd, Evt, State>
  readonly #rejectWaiting: (error: Error) => void
  /** How many times in a row another writer was first. */
  #conflicts = 0
  #isRecovering = false

  /** @param rejectWaiting fails all commands that wait and are not handled yet */
  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey, rejectWaiting: (error: Error) => void) {
    this.#type = type
    this.#key = key
    this.#supervisor = new Supervisor(type, key)
    this.#rejectWaiting = rejectWaiting
  }

  /** Why commands that come now are not accepted; undefined if they are. */
  get refusal(): Error | undefined {
    if (!this.#isRecovering || this.#type.supervision.waiting === 'keep') return undefined
    return new EventSourcedError('RECOVERING', `${nameOf(this.#key)} recovers: nothing of the command was handled`)
  }

  /** How often others were first counts for the commands that it befell. */
  forgetConflicts(): void {
    this.#conflicts = 0
  }

  /**
   * Fails the commands for which this is the end. All others were judged on events that are not stored: they wait to be handled again on what is
   * known then, unless they are configured to fail while the entity recovers.
   *
   * @returns what is known then
   * @throws why the entity can't go on
   */
  async mend(
    handled: readonly Handled<Cmd, Evt, State>[],
    { kind, error }: NotStored,
    known: Recovered<State>,
  ): Promise<Recovered<State>> {
    const isFinal = kind !== 'conflict' || this.#conflicts === this.#type.conflictAttempts
    // What stores nothing is never in doubt.
    const isOver = kind === 'uncertain' ? isStoring : needsLog
    if (isFinal) for (const one of handled) if (isOver(one)) one.envelope.reject(error)
    const waiting = waitAgain(handled)
    switch (kind) {
      case 'refused':
      case 'unavailable':
        return known
      case 'conflict':
        this.#conflicts += isFinal ? 0 : 1
        return this.#catchUp(known, error, waiting)
      case 'uncertain':
        return this.#recover(known, error, waiting)
    }
  }

  /** Takes over what another writer has stored. The more often in a row, the longer it stands back. */
  async #catchUp(
    known: Recovered<State>,
    because: Error,
    waiting: readonly Envelope<Cmd, Evt>[],
  ): Promise<Recovered<State>> {
    if (this.#conflicts > 1) await backOff(CONFLICT, this.#conflicts)
    try {
      return await catchUp(this.#type, this.#key, known)
    } catch (error) {
      if (!canPass(error)) throw error
      return this.#recover(known, because, waiting)
    }
  }

  /** Forgets all that is held in memory and reads it from the log anew. */
  async #recover(
    { head }: Recovered<State>,
    because: Error,
    waiting: readonly Envelope<Cmd, Evt>[],
  ): Promise<Recovered<State>> {
    this.#isRecovering = true
    const { refusal } = this
    if (refusal !== undefined) {
      for (const envelope of waiting) envelope.reject(refusal)
      this.#rejectWaiting(refusal)
    }
    try {
      return await this.#supervisor.bringBack(asError(because), head)
    } finally {
      this.#isRecovering = false
    }
  }
}
