import { asError, ConflictError, EventSourcedError, hasCode } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Head, Persisted } from '../log/evt-log.js'
import { type BackOff, backOff } from './back-off.js'
import { type Handled, handleCmds } from './handle.js'
import type { Envelope } from './envelope.js'
import { Mailbox } from './mailbox.js'
import type { EntityType } from './options.js'
import { type NotStored, persist, readHead, type Stored } from './persist.js'
import { catchUp, type Recovered, recover } from './recover.js'
import { markStartingAnew } from './reserved-metadata.js'
import { Snapshotter } from './snapshot.js'
import { Supervisor } from './supervisor.js'
import type { Telemetry } from './telemetry.js'

const CONFLICT: BackOff = { start: 1, max: 200 }

/** Handled commands whose events the log did not store, and why. */
interface Interrupted<Cmd, Evt, State> {
  readonly stored: NotStored
  readonly rest: readonly Handled<Cmd, Evt, State>[]
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
  #work: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  /** Why this entity can't go on, if it can't. */
  #failure: Error | undefined
  #supervisor: Supervisor<Cmd, Evt, State> | undefined
  #isRecovering = false

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
      this.#work ??= this.#run()
    }
  }

  /** Finishes what was accepted, and refuses what comes later. */
  stop(): Promise<void> {
    this.#stopped ??= this.#finish()
    return this.#stopped
  }

  async #finish(): Promise<void> {
    await this.#work
    await this.#snapshotter.finished()
    if (!this.hasFailed) this.telemetry.live(-1)
  }

  async #run(): Promise<void> {
    // Those who call in the same turn are handled together.
    await Promise.resolve()
    try {
      while (this.#mailbox.size > 0) {
        this.telemetry.commandsTaken(this.#mailbox.size)
        await this.#handleAll(this.#mailbox.take(this.#type.mailboxSize))
      }
    } finally {
      this.#work = undefined
    }
  }

  /** Handles commands, again where another writer was first, until each is answered. */
  async #handleAll(envelopes: readonly Envelope<Cmd, Evt>[]): Promise<void> {
    let waiting = envelopes
    let conflicts = 0
    while (waiting.length > 0) {
      if (this.#failure !== undefined) return rejectAll(waiting, this.#failure)
      const { state, head, window } = this.#known
      const speculation = { state, seqNo: head.seqNo, window, id: this.key.id }
      const interrupted = await this.#storeAndAnswer(handleCmds(this.#type, speculation, waiting))
      if (interrupted === undefined) return
      const { stored, rest } = interrupted
      const failing = rest.filter((one) => one.group.length > 0 || needsFreshHead(one))
      if (stored.kind === 'refused' && failing.length > 1) {
        // Which command the log can't take is known only of one that was sent alone.
        for (const envelope of waitAgain(rest)) await this.#handleAll([envelope])
        return
      }
      if (stored.kind === 'conflict' && conflicts < this.#type.conflictAttempts) {
        conflicts += 1
      } else {
        for (const { envelope } of failing) envelope.reject(stored.error)
      }
      // Whoever is left was judged on events that are not stored.
      waiting = waitAgain(rest)
      if (stored.kind === 'conflict') await this.#catchUp(stored.error, conflicts)
      if (stored.kind === 'uncertain') await this.#recover(stored.error)
    }
  }

  /** Stores the events of handled commands and answers each once all before it is stored. */
  async #storeAndAnswer(
    handled: readonly Handled<Cmd, Evt, State>[],
  ): Promise<Interrupted<Cmd, Evt, State> | undefined> {
    let rest = handled
    while (rest.length > 0) {
      const storing = rest.findIndex(({ group }) => group.length > 0)
      const ahead = storing === -1 ? rest : rest.slice(0, storing)
      if (ahead.some(needsFreshHead)) {
        const stale = await this.#compareHead()
        if (stale !== undefined) return { stored: stale, rest }
      }
      for (const one of ahead) this.#answer(one, this.#known.head)
      if (storing === -1) return undefined
      rest = rest.slice(storing)
      const stored = await this.#persist(rest)
      if (stored.kind !== 'stored') return { stored, rest }
      rest = this.#answerStored(rest, stored.persisted, stored.appendId)
    }
    return undefined
  }

  /** Whether the log has moved on since, as far as a command is concerned that stores nothing but must not be answered from an old state. */
  async #compareHead(): Promise<NotStored | undefined> {
    const { head } = this.#known
    const found = await readHead(this.#type, this.key)
    if ('kind' in found) return found
    if (found.seqNo === head.seqNo && found.appendId === head.appendId) return undefined
    const message = `${nameOf(this.key)} is at event ${found.seqNo}, not at ${head.seqNo}`
    return { kind: 'conflict', error: new ConflictError(message) }
  }

  #persist(handled: readonly Handled<Cmd, Evt, State>[]): Promise<Stored> {
    const storing = handled.filter(({ group }) => group.length > 0)
    const groups = storing.map(({ group }) => group)
    const { head, anew } = this.#known
    const spans = storing.map(({ envelope }) => envelope.span)
    return this.telemetry.append(this.key, spans, () =>
      persist(this.#type, this.key, head, anew ? markStartingAnew(groups) : groups),
    )
  }

  /** Answers the commands whose events are stored and those that wait behind them only. @returns the others */
  #answerStored(
    handled: readonly Handled<Cmd, Evt, State>[],
    { groups, positions }: Persisted,
    appendId: string,
  ): readonly Handled<Cmd, Evt, State>[] {
    const { window } = this.#known
    let groupsLeft = groups
    let evtCount = 0
    let answered = 0
    let due: Handled<Cmd, Evt, State>['snapshot']
    for (const one of handled) {
      if (one.group.length > 0) {
        if (groupsLeft === 0) break
        groupsLeft -= 1
        evtCount += one.group.length
        due = one.snapshot ?? due
      }
      const position = positions[evtCount - 1] ?? 0
      this.#known = { state: one.state, head: { seqNo: one.seqNo, position, appendId }, window, anew: false }
      if (one.remembered !== undefined) {
        one.remembered.position = position
        window.add(one.remembered)
      }
      this.#answer(one, this.#known.head)
      answered += 1
    }
    if (due !== undefined) this.#snapshotter.offer({ ...due, appendId, window: window.upTo(due.seqNo) })
    return handled.slice(answered)
  }

  #answer({ envelope, outcome }: Handled<Cmd, Evt, State>, { seqNo, position }: Head): void {
    switch (outcome.kind) {
      case 'accepted':
        envelope.resolve({ ok: true, key: this.key, seqNo, position, evts: outcome.evts, reply: outcome.reply })
        break
      case 'repeated':
        envelope.resolve({
          ok: true,
          repeated: true,
          key: this.key,
          seqNo: outcome.cmd.seqNo,
          position: outcome.cmd.position,
          evts: [],
          reply: outcome.reply,
        })
        break
      case 'rejected':
        envelope.resolve({ ok: false, rejection: outcome.rejection })
        break
      case 'failed':
        envelope.reject(outcome.error)
        break
    }
  }

  /** Takes over what another writer has stored. The more often in a row, the longer it stands back. */
  async #catchUp(because: Error, conflicts: number): Promise<void> {
    if (conflicts > 1) await backOff(CONFLICT, conflicts)
    const read = () => catchUp(this.#type, this.key, this.#known)
    try {
      this.#known = await read()
    } catch (error) {
      await (hasCode(error, 'UNAVAILABLE') ? this.#reread(because, read) : this.#fail(asError(error)))
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
