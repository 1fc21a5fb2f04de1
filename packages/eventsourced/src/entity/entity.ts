import type { EventSourced } from '../domain/event-sourced.js'
import { entityKey } from '../log/entity-key.js'
import type { EntityOptions } from './options.js'
import { recover } from './recover.js'
import { type EntityRef, Ref } from './ref.js'
import { RunningEntity } from './running-entity.js'
import { sharedType } from './shared-type.js'

/** Runs event-sourced entities. */
export const Entity = {
  /**
   * Recovers an entity from its snapshot and its events and starts it. An id without events starts with the initial state.
   *
   * Any number of processes may spawn the same id: the log's fence lets one of them win each time, and the others take over what it
   * stored and decide again.
   *
   * An options object is read once: whoever spawns many entities gives all of them the same one, and they share what it stands for.
   *
   * @throws {InvalidInputError} if the id is no UUID or an option is wrong
   * @throws {EventSourcedError} `LOG_LOST_EVENTS`, `REPLAY_OUT_OF_ORDER`, `SNAPSHOT_UNREADABLE`, `EVT_HANDLER_FAILED`,
   * `UNKNOWN_EVT_TYPE`, `EVT_TOO_NEW`, `BINARIZER_FAILED`, `UNAVAILABLE`
   * @example
   * const ref = await Entity.spawn(id, counter, { evtLog, snapshotStore, binarizer })
   */
  async spawn<Cmd, Evt, State>(
    id: string,
    domain: EventSourced<Cmd, Evt, State>,
    options: EntityOptions<Evt, State>,
  ): Promise<EntityRef<Cmd, Evt>> {
    const type = sharedType(domain, options)
    const key = entityKey(domain.typeName, id)
    return new Ref(new RunningEntity(type, key, await recover(type, key)))
  },
}
