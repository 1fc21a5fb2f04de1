import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EntityKey } from '../log/entity-key.js'
import type { RememberedCmd } from './cmd-window.js'
import type { Standing } from './handled.js'
import type { EntityType } from './options.js'
import { deleteOldEvts } from './retention.js'
import { sealSnapshot } from './snapshot-envelope.js'

/** A state to be saved and the append that its event was stored with. */
interface Due<State> extends Standing<State> {
  readonly appendId: string
  readonly window: readonly RememberedCmd[]
}

/**
 * Saves an entity's snapshots beside its work: never in the way of a reply, one at a time, and of those that come due meanwhile the
 * newest only. A failure is logged and survived.
 */
export class Snapshotter<Cmd, Evt, State> {
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #key: EntityKey
  #due: Due<State> | undefined
  #saving: Promise<void> | undefined

  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey) {
    this.#type = type
    this.#key = key
  }

  offer(due: Due<State>): void {
    this.#due = due
    this.#saving ??= this.#saveAll()
  }

  get isSaving(): boolean {
    return this.#saving !== undefined
  }

  /** Resolves once nothing is left to save. */
  async finished(): Promise<void> {
    await this.#saving
  }

  async #saveAll(): Promise<void> {
    // Encoding takes the thread: the callers who wait for their answers go first.
    await nextTurn()
    for (let due = this.#due; due !== undefined; due = this.#due) {
      this.#due = undefined
      await this.#save(due)
    }
    this.#saving = undefined
  }

  async #save({ state, seqNo, appendId, window }: Due<State>): Promise<void> {
    const { binarizer, snapshotStore, loggerOf, retention, telemetry } = this.#type
    try {
      await telemetry.snapshot(this.#key, async () => {
        const bytes = sealSnapshot({ state: binarizer.encodeState(state), window })
        const snapshot = { seqNo, appendId, version: binarizer.stateVersion, bytes }
        const { oldestSeqNo } = await snapshotStore.save(this.#key, snapshot, { keep: retention.keep })
        loggerOf(this.#key)?.debug({ seqNo }, 'snapshot saved')
        await deleteOldEvts(this.#type, this.#key, oldestSeqNo)
      })
    } catch (err) {
      loggerOf(this.#key)?.warn({ seqNo, err }, 'a snapshot could not be saved, or old events not deleted')
    }
  }
}
