import type { EntityKey } from '../log/entity-key.js'
import type { CmdResult, MatchingCmd, MovedOn, Rejected, Settled } from './cmd-result.js'
import { Envelope } from './envelope.js'
import type { HandleCmdOptions } from './request.js'
import type { Telemetry } from './telemetry.js'

/** How a command ended; one with `expectedSeqNo`, or with options that may hold one, may be rejected with {@link MovedOn}, too. */
export type CmdResultFor<Cmd, Evt, Options> =
  | CmdResult<Cmd, Evt>
  | ('expectedSeqNo' extends keyof Options ? Rejected<MovedOn> : never)

/** What `handleCmd` takes its caller to ask who gives no options. */
type NothingExpected = Omit<HandleCmdOptions, 'expectedSeqNo'>

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
   * Nothing is copied: the command stays as it is until it is answered, and a reply may be a part of the entity's state, which nobody changes.
   *
   * @example
   * const result = await ref.handleCmd({ type: 'Inc', inc: 1n })
   * if (result.ok) console.log(result.reply)
   * else console.log(result.rejection)
   */
  handleCmd<Given extends Cmd, Options extends HandleCmdOptions = NothingExpected>(
    cmd: Given,
    options?: Options,
  ): Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>>
  /** Finishes what was accepted, and refuses later commands with `STOPPED`. Idempotent; resolves when all is done. */
  stop(): Promise<void>
}

/** What takes the commands of an entity. */
export interface Receiver<Cmd, Evt> {
  readonly key: EntityKey
  readonly telemetry: Telemetry
  handle(envelope: Envelope<Cmd, Evt>): void
  stop(): Promise<void>
}

/** The one way in: checks what its caller asks and hands it on. */
export class Ref<Cmd, Evt> implements EntityRef<Cmd, Evt> {
  readonly #receiver: Receiver<Cmd, Evt>

  constructor(receiver: Receiver<Cmd, Evt>) {
    this.#receiver = receiver
  }

  get id(): string {
    return this.#receiver.key.id
  }

  handleCmd<Given extends Cmd, Options extends HandleCmdOptions = NothingExpected>(
    cmd: Given,
    options?: Options,
  ): Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>> {
    const handled = new Promise<Settled<Evt>>((resolve, reject) => {
      const envelope = new Envelope<Cmd, Evt>(cmd, options, this.#receiver.telemetry, { resolve, reject })
      // A caller who gave up before asking takes nobody's place, and spawns nothing.
      if (!envelope.isSettled) this.#receiver.handle(envelope)
    })
    // That the reply and the rejection are those of this command is what EventSourced asks of its handler; the runtime only carries them.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    return handled as Promise<CmdResultFor<MatchingCmd<Cmd, Given>, Evt, Options>>
  }

  stop(): Promise<void> {
    return this.#receiver.stop()
  }
}
