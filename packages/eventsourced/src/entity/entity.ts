import type { EventSourced } from '../domain/event-sourced.js'
import { entityKey } from '../log/entity-key.js'
import type { CmdResult, MatchingCmd, MovedOn, Rejected, Settled } from './cmd-result.js'
import { Envelope } from './envelope.js'
import { type EntityOptions, entityType } from './options.js'
import { recover } from './recover.js'
import { checkedRequest, type HandleCmdOptions } from './request.js'
import { RunningEntity } from './running-entity.js'

/** How a command ended; one with `expectedSeqNo` may be rejected with {@link MovedOn}, too. */
export type CmdResultFor<Cmd, Evt, Options> =
  | CmdResult<Cmd, Evt>
  | (Options extends { readonly expectedSeqNo: number } ? Rejected<MovedOn> : never)

/** A running entity, to send commands to. */
export interface EntityRef<Cmd, Evt> {
  /** The entity's id, in lower case. */
  readonly id: string
  /**
   * Handles a command. The result is there once its events, and all events that it was decided on, are stored.
   *
   * A refused command is a result (`ok: false`); a technical failure rejects the promise with an {@link EventSourcedError}. With the code
   * `UNCERTAIN` it may be stored or not; with all others nothing of it is.
   *
   * @example
   * const result = await ref.handleCmd({ type: 'Inc', inc: 1n })
   * if (result.ok) console.log(result.reply)
   * else console.log(result.rejection)
   */
  handleCmd<Given extends Cmd, Options extends HandleCmdOptions = HandleCmdOptions>(
    cmd: Given,
    options?: Options,
  ): Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>>
  /** Finishes what was accepted, and refuses later commands with `STOPPED`. Idempotent; resolves when all is done. */
  stop(): Promise<void>
}

/** Runs event-sourced entities. */
export const Entity = {
  /**
   * Recovers an entity from its snapshot and its events and starts it. An id without events starts with the initial state.
   *
   * Any number of processes may spawn the same id: the log's fence lets one of them win each time, and the others take over what it
   * stored and decide again.
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
    const type = entityType(domain, options)
    const key = entityKey(domain.typeName, id)
    return new Ref(new RunningEntity(type, key, await recover(type, key)))
  },
}

class Ref<Cmd, Evt, State> implements EntityRef<Cmd, Evt> {
  readonly #entity: RunningEntity<Cmd, Evt, State>

  constructor(entity: RunningEntity<Cmd, Evt, State>) {
    this.#entity = entity
  }

  get id(): string {
    return this.#entity.key.id
  }

  handleCmd<Given extends Cmd, Options extends HandleCmdOptions = HandleCmdOptions>(
    cmd: Given,
    options?: Options,
  ): Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>> {
    const handled = new Promise<Settled<Evt>>((resolve, reject) => {
      this.#entity.handle(new Envelope<Cmd, Evt>(cmd, checkedRequest(options), resolve, reject))
    })
    // That the reply and the rejection are those of this command is what EventSourced asks of its handler; the runtime only carries them.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    return handled as Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>>
  }

  stop(): Promise<void> {
    return this.#entity.stop()
  }
}
