import type { Span } from '@opentelemetry/api'
import { asError, EventSourcedError } from '../errors.js'
import { CheckedAppend } from '../log/checked-append.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Append, NewEvt, Persisted } from '../log/evt-log.js'
import { type BackOff, backOff } from './back-off.js'
import { type Handled, handleCmds } from './handle.js'
import type { Envelope } from './envelope.js'
import { Mailbox } from './mailbox.js'
import type { EntityType } from './options.js'
import { compareHead, persistAgain, type Stored } from './persist.js'
import { catchUp, type Recovered, recover } from './recover.js'
import { markStartingAnew } from './reserved-metadata.js'
import { Snapshotter } from './snapshot.js'
import { canPass, Supervisor } from './supervisor.js'
import type { Telemetry } from './telemetry.js'

const NOW = Promise.resolve()
const CONFLICT: BackOff = { start: 1, max: 200 }

/** An append on its way, and the commands whose events it holds. */
interface InFlight<Cmd, Evt, State> {
  readonly append: Append
  readonly handled: Handled<Cmd, Evt, State>[]
}

/**
 * One entity at work: takes all commands that wait, handles them on a speculative state, stores their events as one append, answers
 * the callers in order, and begins again. While an append is in flight the mailbox fills.
 */
export class RunningEntity<Cmd, Evt, State> {
  readonly key: EntityKey
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #mailbox = new Mailbox<Cmd, Evt>()
  readonly #snapshotter: Snapshotter<Cmd, Evt, State>
  /** The state after all events that are known to be stored. */
  #known: Recovered<State>
  #isIdle = true
  /** Hears when the entity is idle, if somebody waits for it. */
  #whenIdle: (() => void) | undefined
  #inFlight: InFlight<Cmd, Evt, State> | undefined
  #stopped: Promise<void> | undefined
  /** Why this entity can't go on, if it can't. */
  #failure: Error | undefined
  #supervisor: Supervisor<Cmd, Evt, State> | undefined
  #isRecovering = false
  /** How many times in a row another writer was first. */
  #conflicts = 0
  /** Commands to be stored one at a time, since the log refused something among them. */
  readonly #oneByOne: Envelope<Cmd, Evt>[] = []

  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey, recovered: Recovered<State>) {
    this.#type = type
    this.key = key
    this.#known = recovered
    this.#snapshotter = new Snapshotter(type, key)
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
    const { mailboxSize, mailboxFull } = this.#type
    if (this.#failure !== undefined || this.#stopped !== undefined) {
      envelope.reject(this.#refusal())
    } else if (this.#isRecovering && this.#type.supervision.waiting === 'fail') {
      envelope.reject(this.#recovering())
    } else if (mailboxFull === 'fail' && this.#mailbox.size >= mailboxSize) {
      envelope.reject(
        new EventSourcedError(
          'MAILBOX_FULL',
          `${mailboxSize} commands wait already for ${nameOf(this.key)}: try later`,
        ),
      )
    } else {
      this.#mailbox.add(envelope)
      if (this.#isIdle) {
        this.#isIdle = false
        // Those who call in the same turn are handled together. (queueMicrotask would make Node keep a resource for each call.)
        void NOW.then(this.#next)
      }
    }
  }

  /** Finishes what was accepted, and refuses what comes later. */
  stop(): Promise<void> {
    this.#stopped ??= this.#finish()
    return this.#stopped
  }

  async #finish(): Promise<void> {
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    await this.#snapshotter.finished()
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
      // How often others were first counts for the commands that it befell.
      this.#conflicts = 0
      if (envelopes.length === 0) break
      if (this.#isUnderWay(this.#handle(envelopes))) return
    }
    this.#isIdle = true
    this.#whenIdle?.()
  }

  #store(handled: Handled<Cmd, Evt, State>[]): void {
    if (!this.#isUnderWay(handled)) this.#next()
  }

  /**
   * Stores the events of handled commands, once those ahead of them that store nothing are answered.
   *
   * @returns whether there is something to wait for; if not, all of them are answered
   */
  #isUnderWay(handled: Handled<Cmd, Evt, State>[]): boolean {
    const ahead = countStoringNothing(handled)
    if (ahead > 0 && handled.slice(0, ahead).some(needsFreshHead)) {
      void this.#storeIfFresh(handled, ahead)
      return true
    }
    const rest = ahead > 0 ? this.#answerAhead(handled, ahead) : handled
    if (rest.length === 0) return false
    const append = this.#appendOf(rest)
    this.#inFlight = { append, handled: rest }
    let persisted: Promise<Persisted>
    try {
      persisted = this.#persist(append, rest)
    } catch (error) {
      // A log may throw where it should reject.
      this.#onFailed(error)
      return true
    }
    persisted.then(this.#onStored, this.#onFailed)
    return true
  }

  readonly #onStored = (persisted: Persisted): void => {
    const { append, handled } = this.#landed()
    this.#store(this.#answerStored(handled, persisted, append.appendId))
  }

  readonly #onFailed = (error: unknown): void => {
    void this.#mendFailed(error)
  }

  async #mendFailed(error: unknown): Promise<void> {
    const { append, handled } = this.#landed()
    this.#store(await this.#mend(handled, await persistAgain(this.#type, append, error)))
  }

  /** What was in flight. An idle entity keeps nothing of it. */
  #landed(): InFlight<Cmd, Evt, State> {
    const landed = this.#inFlight
    if (landed === undefined) throw new Error('an append was answered that is not in flight')
    this.#inFlight = undefined
    return landed
  }

  /** Compares the log's head on behalf of commands that store nothing but must not be answered from an old state. */
  async #storeIfFresh(handled: Handled<Cmd, Evt, State>[], ahead: number): Promise<void> {
    const moved = await compareHead(this.#type, this.key, this.#known.head)
    this.#store(moved === undefined ? this.#answerAhead(handled, ahead) : await this.#mend(handled, moved))
  }

  #takeNext(): readonly Envelope<Cmd, Evt>[] {
    if (this.#oneByOne.length > 0) return this.#oneByOne.splice(0, 1)
    if (this.#mailbox.size > 0) this.telemetry.commandsTaken(this.#mailbox.size)
    return this.#mailbox.take(this.#type.mailboxSize)
  }

  #handle(envelopes: readonly Envelope<Cmd, Evt>[]): Handled<Cmd, Evt, State>[] {
    return handleCmds(this.#type, this.key.id, this.#known, envelopes)
  }

  #appendOf(handled: readonly Handled<Cmd, Evt, State>[]): Append {
    const { head, anew } = this.#known
    const all = handled.map(groupOf)
    const groups = all.every(isStoring) ? all : all.filter(isStoring)
    const appendId = this.#type.nextAppendId()
    return new CheckedAppend(this.key, head, appendId, anew ? markStartingAnew(groups) : groups)
  }

  #persist(append: Append, handled: readonly Handled<Cmd, Evt, State>[]): Promise<Persisted> {
    const { evtLog, telemetry } = this.#type
    if (!telemetry.isWatched(handled[0]?.envelope.span)) return evtLog.persist(append)
    return telemetry.append(this.key, spansOf(handled), () => evtLog.persist(append))
  }

  /**
   * Goes on after an append that may have failed.
   *
   * @returns commands that are handled, again where another writer was first, and still to be stored
   */
  async #mend(handled: readonly Handled<Cmd, Evt, State>[], stored: Stored): Promise<Handled<Cmd, Evt, State>[]> {
    if (stored.kind === 'stored') return this.#answerStored(handled, stored.persisted, stored.appendId)
    const failing = handled.filter((one) => one.group.length > 0 || needsFreshHead(one))
    if (stored.kind === 'refused' && failing.length > 1) {
      // Which command the log can't take is known only of one that was sent alone.
      this.#oneByOne.push(...waitAgain(handled))
      return []
    }
    if (stored.kind === 'conflict' && this.#conflicts < this.#type.conflictAttempts) {
      this.#conflicts += 1
    } else {
      for (const { envelope } of failing) envelope.reject(stored.error)
    }
    // Whoever is left was judged on events that are not stored.
    const waiting = waitAgain(handled)
    if (stored.kind === 'conflict') await this.#catchUp(stored.error)
    if (stored.kind === 'uncertain') await this.#recover(stored.error)
    if (this.#failure === undefined) return this.#handle(waiting)
    rejectAll(waiting, this.#failure)
    return []
  }

  #answerAhead(handled: Handled<Cmd, Evt, State>[], count: number): Handled<Cmd, Evt, State>[] {
    const { seqNo, position } = this.#known.head
    for (const one of handled.slice(0, count)) this.#answer(one, seqNo, position)
    return handled.slice(count)
  }

  /** Answers the commands whose events are stored and those that wait behind them only. @returns the others */
  #answerStored(
    handled: readonly Handled<Cmd, Evt, State>[],
    { groups, positions }: Persisted,
    appendId: string,
  ): Handled<Cmd, Evt, State>[] {
    const { window } = this.#known
    this.#conflicts = 0
    let groupsLeft = groups
    let evtCount = 0
    let answered = 0
    let last: Handled<Cmd, Evt, State> | undefined
    let due: Handled<Cmd, Evt, State>['snapshot']
    for (const one of handled) {
      if (one.group.length > 0) {
        if (groupsLeft === 0) break
        groupsLeft -= 1
        evtCount += one.group.length
        due = one.snapshot ?? due
      }
      const position = positions[evtCount - 1] ?? 0
      if (one.remembered !== undefined) {
        one.remembered.position = position
        window.add(one.remembered)
      }
      this.#answer(one, one.seqNo, position)
      last = one
      answered += 1
    }
    if (last !== undefined) {
      const head = { seqNo: last.seqNo, position: positions[evtCount - 1] ?? 0, appendId }
      this.#known = { state: last.state, head, window, anew: false }
    }
    if (due !== undefined) this.#snapshotter.offer({ ...due, appendId, window: window.upTo(due.seqNo) })
    return answered === handled.length ? [] : handled.slice(answered)
  }

  #answer({ envelope, outcome }: Handled<Cmd, Evt, State>, seqNo: number, position: number): void {
    const { key } = this
    switch (outcome.kind) {
      case 'accepted':
        envelope.resolve({ ok: true, key, seqNo, position, evts: outcome.evts, reply: outcome.reply })
        break
      case 'repeated': {
        const { cmd, reply } = outcome
        envelope.resolve({ ok: true, repeated: true, key, seqNo: cmd.seqNo, position: cmd.position, evts: [], reply })
        break
      }
      case 'rejected':
        envelope.resolve({ ok: false, rejection: outcome.rejection })
        break
      case 'failed':
        envelope.reject(outcome.error)
        break
    }
  }

  /** Takes over what another writer has stored. The more often in a row, the longer it stands back. */
  async #catchUp(because: Error): Promise<void> {
    if (this.#conflicts > 1) await backOff(CONFLICT, this.#conflicts)
    const read = () => catchUp(this.#type, this.key, this.#known)
    try {
      this.#known = await read()
    } catch (error) {
      await (canPass(error) ? this.#reread(because, read) : this.#fail(asError(error)))
    }
  }

  /** Forgets all it holds in memory and reads it from the log anew. */
  #recover(because: Error): Promise<void> {
    return this.#reread(because, () => recover(this.#type, this.key))
  }

  async #reread(because: Error, read: () => Promise<Recovered<State>>): Promise<void> {
    this.#isRecovering = true
    if (this.#type.supervision.waiting === 'fail') rejectAll(this.#mailbox.take(this.#mailbox.size), this.#recovering())
    this.#supervisor ??= new Supervisor(this.#type, this.key)
    try {
      this.#known = await this.#supervisor.bringBack(because, read)
    } catch (error) {
      this.#fail(asError(error))
    } finally {
      this.#isRecovering = false
    }
  }

  /** The end of an entity that can't go on. None of the commands that wait is stored. */
  #fail(failure: Error): void {
    this.#failure = failure
    this.telemetry.live(-1)
    this.#type.logger?.error({ ...this.key, err: failure }, 'the entity failed')
    rejectAll(this.#oneByOne.splice(0), failure)
    rejectAll(this.#mailbox.take(this.#mailbox.size), failure)
  }

  #recovering(): EventSourcedError {
    return new EventSourcedError('RECOVERING', `${nameOf(this.key)} recovers: nothing of the command was handled`)
  }

  #refusal(): EventSourcedError {
    const name = nameOf(this.key)
    return this.#failure === undefined
      ? new EventSourcedError('STOPPED', `${name} is stopped: nothing of the command was handled`)
      : new EventSourcedError('STOPPED', `${name} failed: ${this.#failure.message}`, { cause: this.#failure })
  }
}

function rejectAll<Cmd, Evt>(envelopes: readonly Envelope<Cmd, Evt>[], error: Error): void {
  for (const envelope of envelopes) envelope.reject(error)
}

function groupOf({ group }: { readonly group: readonly NewEvt[] }): readonly NewEvt[] {
  return group
}

function isStoring({ length }: { readonly length: number }): boolean {
  return length > 0
}

function countStoringNothing<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): number {
  let count = 0
  while (handled[count]?.group.length === 0) count += 1
  return count
}

function spansOf<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): readonly Span[] {
  return handled.flatMap(({ group, envelope }) => (group.length > 0 ? [envelope.span] : []))
}

/** The commands that still have a caller, to be handled again. */
function waitAgain<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): readonly Envelope<Cmd, Evt>[] {
  const waiting = handled.map(({ envelope }) => envelope).filter(({ isSettled }) => !isSettled)
  for (const envelope of waiting) envelope.isInFlight = false
  return waiting
}

/** Whether a command that stores nothing must not be answered before the log's head was compared: an append would have done that. */
function needsFreshHead<Cmd, Evt, State>({ envelope, outcome, group }: Handled<Cmd, Evt, State>): boolean {
  const { fresh, cmdId, expectedSeqNo } = envelope.request
  if (group.length > 0 || outcome.kind === 'repeated') return false
  return fresh || cmdId !== undefined || expectedSeqNo !== undefined
}
