import { asError, EventSourcedError, hasCode } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Head, NewEvt, Persisted } from '../log/evt-log.js'
import { type BackOff, backOff } from './back-off.js'
import { type Handled, handleCmds } from './handle.js'
import { type Envelope, Mailbox } from './mailbox.js'
import type { EntityType } from './options.js'
import { persist, type Stored } from './persist.js'
import { catchUp, type Recovered, recover } from './recover.js'
import { markStartingAnew } from './reserved-metadata.js'
import { Snapshotter } from './snapshot.js'

const CONFLICT: BackOff = { start: 1, max: 200 }
const RECOVERY: BackOff = { start: 50, max: 5_000 }

/** Handled commands whose events the log did not store, and why. */
interface Interrupted<Cmd, Evt, State> {
  readonly stored: Exclude<Stored, { readonly kind: 'stored' }>
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

  constructor(type: EntityType<Cmd, Evt, State>, key: EntityKey, recovered: Recovered<State>) {
    this.#type = type
    this.key = key
    this.#known = recovered
    this.#snapshotter = new Snapshotter(type, key)
  }

  /** Accepts a command, or refuses it: then nothing of it happened. */
  handle(envelope: Envelope<Cmd, Evt>): void {
    const { mailboxSize, mailboxFull } = this.#type
    if (this.#failure !== undefined || this.#stopped !== undefined) {
      envelope.reject(this.#refusal())
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
  }

  async #run(): Promise<void> {
    // Those who call in the same turn are handled together.
    await Promise.resolve()
    try {
      while (this.#mailbox.size > 0) await this.#handleAll(this.#mailbox.take(this.#type.mailboxSize))
    } finally {
      this.#work = undefined
    }
  }

  /** Handles commands, again where another writer was first, until each is answered. */
  async #handleAll(envelopes: readonly Envelope<Cmd, Evt>[]): Promise<void> {
    let waiting = envelopes
    let conflicts = 0
    while (waiting.length > 0) {
      const { state, head } = this.#known
      const handled = handleCmds(this.#type, this.key.id, { state, seqNo: head.seqNo }, waiting)
      const interrupted = await this.#storeAndAnswer(handled)
      if (interrupted === undefined) return
      const { stored, rest } = interrupted
      if (stored.kind === 'refused' && storing(rest).length > 1) {
        // Which command the log can't take is known only of one that was sent alone.
        for (const { envelope } of rest) await this.#handleAll([envelope])
        return
      }
      if (stored.kind === 'conflict' && conflicts < this.#type.conflictAttempts) {
        conflicts += 1
        waiting = rest.map(({ envelope }) => envelope)
      } else {
        waiting = failStoring(rest, stored.error)
      }
      try {
        if (stored.kind === 'conflict') await this.#catchUp(conflicts)
        if (stored.kind === 'uncertain') await this.#recover(stored.error)
      } catch (error) {
        this.#fail(asError(error), waiting)
        return
      }
    }
  }

  /** Stores the events of handled commands and answers each once all before it is stored. */
  async #storeAndAnswer(
    handled: readonly Handled<Cmd, Evt, State>[],
  ): Promise<Interrupted<Cmd, Evt, State> | undefined> {
    let rest = handled
    for (;;) {
      const firstStoring = rest.findIndex(({ group }) => group.length > 0)
      if (firstStoring === -1) {
        for (const one of rest) this.#answer(one, this.#known.head)
        return undefined
      }
      for (const one of rest.slice(0, firstStoring)) this.#answer(one, this.#known.head)
      rest = rest.slice(firstStoring)
      const stored = await persist(this.#type, this.key, this.#known.head, this.#groupsOf(rest))
      if (stored.kind !== 'stored') return { stored, rest }
      rest = this.#answerStored(rest, stored.persisted, stored.appendId)
    }
  }

  #groupsOf(handled: readonly Handled<Cmd, Evt, State>[]): readonly (readonly NewEvt[])[] {
    const groups = storing(handled).map(({ group }) => group)
    return this.#known.anew ? markStartingAnew(groups) : groups
  }

  /** Answers the commands whose events are stored and those that wait behind them only. @returns the others */
  #answerStored(
    handled: readonly Handled<Cmd, Evt, State>[],
    { groups, positions }: Persisted,
    appendId: string,
  ): readonly Handled<Cmd, Evt, State>[] {
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
      this.#known = { state: one.state, head: { seqNo: one.seqNo, position, appendId }, anew: false }
      this.#answer(one, this.#known.head)
      answered += 1
    }
    if (due !== undefined) this.#snapshotter.offer({ ...due, appendId })
    return handled.slice(answered)
  }

  #answer({ envelope, outcome }: Handled<Cmd, Evt, State>, { seqNo, position }: Head): void {
    switch (outcome.kind) {
      case 'accepted':
        envelope.resolve({ ok: true, key: this.key, seqNo, position, evts: outcome.evts, reply: outcome.reply })
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
  async #catchUp(conflicts: number): Promise<void> {
    if (conflicts > 1) await backOff(CONFLICT, conflicts)
    await this.#reread(() => catchUp(this.#type, this.key, this.#known))
  }

  /** Forgets all it holds in memory and reads it from the log anew. */
  async #recover(because: Error): Promise<void> {
    this.#type.logger?.warn({ ...this.key, err: because }, 'recovering: an append may be stored or not')
    await this.#reread(() => recover(this.#type, this.key))
  }

  /** Reads from the log, again and again while it can't be reached. */
  async #reread(read: () => Promise<Recovered<State>>): Promise<void> {
    const deadline = Date.now() + this.#type.unavailableTimeout
    for (let attempt = 0; ; attempt++) {
      try {
        this.#known = await read()
        return
      } catch (error) {
        if (!hasCode(error, 'UNAVAILABLE') || Date.now() >= deadline) throw error
        this.#type.logger?.warn({ ...this.key, attempt, err: error }, 'the log is unavailable: reading again')
        await backOff(RECOVERY, attempt)
      }
    }
  }

  /** The end of an entity that can't go on. None of these commands is stored. */
  #fail(failure: Error, waiting: readonly Envelope<Cmd, Evt>[]): void {
    this.#failure = failure
    this.#type.logger?.error({ ...this.key, err: failure }, 'the entity failed')
    for (const { reject } of waiting) reject(failure)
    for (const { reject } of this.#mailbox.take(this.#mailbox.size)) reject(failure)
  }

  #refusal(): EventSourcedError {
    const name = nameOf(this.key)
    return this.#failure === undefined
      ? new EventSourcedError('STOPPED', `${name} is stopped: nothing of the command was handled`)
      : new EventSourcedError('STOPPED', `${name} failed: ${this.#failure.message}`, { cause: this.#failure })
  }
}

function storing<Cmd, Evt, State>(handled: readonly Handled<Cmd, Evt, State>[]): readonly Handled<Cmd, Evt, State>[] {
  return handled.filter(({ group }) => group.length > 0)
}

/** Fails the commands whose events an append held. @returns the others, which were judged on events that are not stored: to be handled again */
function failStoring<Cmd, Evt, State>(
  handled: readonly Handled<Cmd, Evt, State>[],
  error: Error,
): readonly Envelope<Cmd, Evt>[] {
  for (const { envelope } of storing(handled)) envelope.reject(error)
  return handled.filter(({ group }) => group.length === 0).map(({ envelope }) => envelope)
}
