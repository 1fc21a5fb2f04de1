import { asError, EventSourcedError } from '../errors.js'
import { CheckedAppend } from '../log/checked-append.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Append, Persisted } from '../log/evt-log.js'
import { answer, answerStored } from './answer.js'
import type { Envelope } from './envelope.js'
import { handleCmds } from './handle.js'
import {
  countStoringNothing,
  groupsOf,
  type Handled,
  type InFlight,
  needsFreshHead,
  needsLog,
  spansOf,
  waitAgain,
} from './handled.js'
import { Mailbox } from './mailbox.js'
import { Mender } from './mend.js'
import type { EntityType } from './options.js'
import { checkPersisted, compareHead, isForAll, type NotStored, persist, persistAgain, type Stored } from './persist.js'
import type { Recovered } from './recover.js'
import { Snapshotter } from './snapshot.js'
import { soon } from './soon.js'
import type { Telemetry } from './telemetry.js'

/**
 * One entity at work: takes all commands that wait, handles them on a speculative state, stores their events as one append, answers
 * the callers in order, and begins again. While an append is in flight the mailbox fills.
 */
export class RunningEntity<Cmd, Evt, State> {
  readonly key: EntityKey
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #mailbox = new Mailbox<Cmd, Evt>()
  /** There once it was needed: many entities are never saved. */
  #snapshotter: Snapshotter<Cmd, Evt, State> | undefined
  /** The state after all events that are known to be stored. */
  #known: Recovered<State>
  #isIdle = true
  /** Hears when the entity is idle, if somebody waits for it. */
  #whenIdle: (() => void) | undefined
  #inFlight: InFlight<Cmd, Evt, State> | undefined
  #finished: Promise<void> | undefined
  /** Why this entity can't go on, if it can't. */
  #failure: Error | undefined
  /** There once it was needed. */
  #mender: Mender<Cmd, Evt, State> | undefined
  /** Parts of what the log refused as a whole, the last one first. They are handled before whatever waits in the mailbox. */
  #parts: (readonly Envelope<Cmd, Evt>[])[] | undefined

  /** @param snapshotter who saved for the entity when it was last live, and may still do so */
  constructor(
    type: EntityType<Cmd, Evt, State>,
    key: EntityKey,
    recovered: Recovered<State>,
    snapshotter?: Snapshotter<Cmd, Evt, State>,
  ) {
    this.#type = type
    this.key = key
    this.#known = recovered
    this.#snapshotter = snapshotter
    this.telemetry.live(1)
  }

  get telemetry(): Telemetry {
    return this.#type.telemetry
  }

  /** Whether the entity can't go on. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Accepts a command, or refuses it: then nothing of it happened. */
  handle(envelope: Envelope<Cmd, Evt>): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      envelope.reject(refusal)
      return
    }
    if (this.#mailbox.offer(envelope, this.key, this.#type) && this.#isIdle) {
      this.#isIdle = false
      // Those who call in the same turn are handled together.
      soon(this.#next)
    }
  }

  #refusal(): Error | undefined {
    if (this.#failure === undefined && this.#finished === undefined) return this.#mender?.refusal
    const name = nameOf(this.key)
    return this.#failure === undefined
      ? new EventSourcedError('STOPPED', `${name} is stopped: nothing of the command was handled`)
      : new EventSourcedError('STOPPED', `${name} failed: ${this.#failure.message}`, { cause: this.#failure })
  }

  /** Finishes what was accepted, saves the snapshot that is due, and refuses what comes later. */
  async stop(): Promise<void> {
    const snapshotter = await this.leave()
    await snapshotter?.finished()
  }

  /** Finishes what was accepted, and refuses what comes later. @returns who may still be saving a snapshot */
  async leave(): Promise<Snapshotter<Cmd, Evt, State> | undefined> {
    this.#finished ??= this.#finish()
    await this.#finished
    return this.#snapshotter
  }

  async #finish(): Promise<void> {
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    if (!this.hasFailed) this.telemetry.live(-1)
  }

  /*
   * From here to #answerStored: the way of a command with which all goes well. Its steps are callbacks that are made once an entity; what
   * async functions would keep for each command costs more than all the rest.
   */

  /** Handles and stores all that waits. A loop: commands that store nothing may wait by the ten thousand. */
  readonly #next = (): void => {
    for (;;) {
      const envelopes = this.#takeNext()
      this.#mender?.forgetConflicts()
      if (envelopes.length === 0) break
      if (this.#isUnderWay(this.#handle(envelopes))) return
    }
    this.#isIdle = true
    this.#whenIdle?.()
  }

  #takeNext(): readonly Envelope<Cmd, Evt>[] {
    const part = this.#parts?.pop()
    if (part !== undefined) return part
    if (this.#mailbox.size > 0) this.telemetry.commandsTaken(this.#mailbox.size)
    return this.#mailbox.take(this.#type.mailboxSize)
  }

  #handle(envelopes: readonly Envelope<Cmd, Evt>[]): Handled<Cmd, Evt, State>[] {
    return handleCmds(this.#type, this.key.id, this.#known, envelopes)
  }

  #store(handled: Handled<Cmd, Evt, State>[], isFresh = false): void {
    if (!this.#isUnderWay(handled, isFresh)) this.#next()
  }

  /**
   * Stores the events of handled commands, once those ahead of them that store nothing are answered.
   *
   * @param isFresh whether what they were judged on was read from the log since they came
   * @returns whether there is something to wait for; if not, all of them are answered
   */
  #isUnderWay(handled: Handled<Cmd, Evt, State>[], isFresh = false): boolean {
    const ahead = countStoringNothing(handled)
    if (ahead > 0 && !isFresh && handled.slice(0, ahead).some(needsFreshHead)) {
      void this.#storeIfFresh(handled, ahead)
      return true
    }
    const rest = ahead > 0 ? this.#answerAhead(handled, ahead) : handled
    if (rest.length === 0) return false
    const append = this.#appendOf(rest)
    if (this.telemetry.isWatched(rest)) {
      void this.#storeWatched({ append, handled: rest })
      return true
    }
    this.#inFlight = { append, handled: rest }
    try {
      this.#type.evtLog.persist(append).then(this.#onStored, this.#onFailed)
    } catch (error) {
      // A log may throw where it should reject, or answer without a promise.
      this.#onFailed(error)
    }
    return true
  }

  #appendOf(handled: readonly Handled<Cmd, Evt, State>[]): Append {
    return new CheckedAppend(this.key, this.#known.head, this.#type.writer, groupsOf(handled))
  }

  readonly #onStored = (persisted: Persisted): void => {
    try {
      checkPersisted(persisted)
    } catch (error) {
      return this.#onFailed(error)
    }
    this.#store(this.#answerStored(this.#landed(), persisted))
  }

  readonly #onFailed = (error: unknown): void => {
    void this.#tryAgain(this.#landed(), error)
  }

  /** What was in flight. An idle entity keeps nothing of it. */
  #landed(): InFlight<Cmd, Evt, State> {
    const landed = this.#inFlight
    if (landed === undefined) throw new Error('an append was answered that is not in flight')
    this.#inFlight = undefined
    return landed
  }

  #answerAhead(handled: Handled<Cmd, Evt, State>[], count: number): Handled<Cmd, Evt, State>[] {
    const { seqNo, position } = this.#known.head
    for (const one of handled.slice(0, count)) answer(this.key, one, seqNo, position)
    return handled.slice(count)
  }

  /** @returns the commands whose events are not stored yet */
  #answerStored(inFlight: InFlight<Cmd, Evt, State>, persisted: Persisted): Handled<Cmd, Evt, State>[] {
    this.#mender?.forgetConflicts()
    const { known, due, rest } = answerStored(this.key, this.#known, inFlight, persisted)
    this.#known = known
    if (due !== undefined) {
      this.#snapshotter ??= new Snapshotter(this.#type, this.key)
      this.#snapshotter.offer({ ...due, appendId: known.head.appendId, window: known.window.upTo(due.seqNo) })
    }
    return rest
  }

  /*
   * From here on: the way of commands with which not all goes well.
   */

  /** Compares the log's head on behalf of commands that store nothing but must not be answered from an old state. */
  async #storeIfFresh(handled: Handled<Cmd, Evt, State>[], ahead: number): Promise<void> {
    const moved = await compareHead(this.#type, this.key, this.#known.head)
    if (moved === undefined) this.#store(this.#answerAhead(handled, ahead))
    else await this.#mend(handled, moved)
  }

  async #tryAgain(inFlight: InFlight<Cmd, Evt, State>, error: unknown): Promise<void> {
    await this.#goOn(inFlight, await persistAgain(this.#type, inFlight.append, error))
  }

  /** Stores events where somebody looks on. */
  async #storeWatched(inFlight: InFlight<Cmd, Evt, State>): Promise<void> {
    const spans = spansOf(inFlight.handled)
    await this.#goOn(inFlight, await this.telemetry.append(this.key, spans, () => persist(this.#type, inFlight.append)))
  }

  async #goOn(inFlight: InFlight<Cmd, Evt, State>, stored: Stored): Promise<void> {
    if (stored.kind === 'stored') this.#store(this.#answerStored(inFlight, stored.persisted))
    else await this.#mend(inFlight.handled, stored)
  }

  /** Brings the entity to where it can go on, and handles the commands again that can. */
  async #mend(handled: Handled<Cmd, Evt, State>[], failed: NotStored): Promise<void> {
    if (failed.kind === 'refused' && !isForAll(failed.error) && handled.filter(needsLog).length > 1) {
      // Which command the log can't take is known only of one that was sent alone: halves find it with the fewest appends.
      const waiting = waitAgain(handled)
      const middle = Math.ceil(waiting.length / 2)
      this.#parts ??= []
      this.#parts.push(waiting.slice(middle), waiting.slice(0, middle))
      this.#next()
      return
    }
    this.#mender ??= new Mender(this.#type, this.key, (because) => this.#rejectWaiting(because))
    try {
      this.#known = await this.#mender.mend(handled, failed, this.#known)
    } catch (error) {
      this.#fail(asError(error))
    }
    const waiting = waitAgain(handled)
    if (this.#failure === undefined) {
      // What is known after these two was read since the commands came. To look again would be to wait for a moment without other writers.
      const isFresh = failed.kind === 'conflict' || failed.kind === 'uncertain'
      this.#store(this.#handle(waiting), isFresh)
    } else {
      for (const envelope of waiting) envelope.reject(this.#failure)
      this.#next()
    }
  }

  /** The end of an entity that can't go on. None of the commands that wait is stored. */
  #fail(failure: Error): void {
    this.#failure = failure
    this.telemetry.live(-1)
    this.#type.loggerOf(this.key)?.error({ err: failure }, 'the entity failed')
    this.#rejectWaiting(failure)
  }

  #rejectWaiting(error: Error): void {
    const parts = this.#parts?.splice(0) ?? []
    for (const envelope of [...parts.flat(), ...this.#mailbox.take()]) envelope.reject(error)
  }
}
