import type { Binarizer, EncodedEvt } from '../binarizer/binarizer.js'
import type { CmdEffect } from '../domain/effect.js'
import type { CmdContext, EventSourced, Metadata } from '../domain/event-sourced.js'
import { asError, EventSourcedError, hasCode, messageOf, show } from '../errors.js'
import type { NewEvt } from '../log/evt-log.js'
import type { Envelope } from './mailbox.js'
import type { EntityType } from './options.js'

/** What handling a command came to. Its caller hears of it once all events before it are stored, and its own. */
export type Outcome<Evt> =
  | { readonly kind: 'accepted'; readonly evts: readonly Evt[]; readonly reply: unknown }
  | { readonly kind: 'rejected'; readonly rejection: unknown }
  | { readonly kind: 'failed'; readonly error: Error }

/** A handled command and where the entity stands after it, if all before it gets stored. */
export interface Handled<Cmd, Evt, State> {
  readonly envelope: Envelope<Cmd, Evt>
  readonly outcome: Outcome<Evt>
  /** The command's events as the log takes them; empty if it stores nothing. */
  readonly group: readonly NewEvt[]
  readonly state: State
  readonly seqNo: number
  /** Where the domain type wants a snapshot: the newest such place among the command's events. */
  readonly snapshot: Standing<State> | undefined
}

/** Where an entity stands. */
export interface Standing<State> {
  readonly state: State
  readonly seqNo: number
}

/**
 * Handles commands one after another against a speculative state: each sees the events of those before it. Every event is encoded and
 * applied before anything is stored, so what a handler or the binarizer can't digest fails its command alone and never reaches the log.
 */
export function handleCmds<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  id: string,
  from: Standing<State>,
  envelopes: readonly Envelope<Cmd, Evt>[],
): Handled<Cmd, Evt, State>[] {
  const all: Handled<Cmd, Evt, State>[] = []
  let standing = from
  for (const envelope of envelopes) {
    const handled = handleCmd(type, id, standing, envelope)
    all.push(handled)
    standing = handled
  }
  return all
}

function handleCmd<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  id: string,
  standing: Standing<State>,
  envelope: Envelope<Cmd, Evt>,
): Handled<Cmd, Evt, State> {
  try {
    const effect = decide(type.domain, id, standing, envelope)
    switch (effect?.effect) {
      case 'reject':
        return storesNothing(standing, envelope, { kind: 'rejected', rejection: effect.rejection })
      case 'reply':
        return storesNothing(standing, envelope, { kind: 'accepted', evts: [], reply: effect.reply })
      case 'persist': {
        const applied = applyNew(type, standing, effect.evts, envelope.metadata)
        const reply = effect.thenReply && computeReply(effect.thenReply, applied.state)
        return { envelope, outcome: { kind: 'accepted', evts: effect.evts, reply }, ...applied }
      }
      default:
        throw new EventSourcedError(
          'CMD_HANDLER_FAILED',
          `the command handler returned ${show(effect)}: expected persist(), reply() or reject()`,
        )
    }
  } catch (error) {
    return storesNothing(standing, envelope, { kind: 'failed', error: asError(error) })
  }
}

function storesNothing<Cmd, Evt, State>(
  { state, seqNo }: Standing<State>,
  envelope: Envelope<Cmd, Evt>,
  outcome: Outcome<Evt>,
): Handled<Cmd, Evt, State> {
  return { envelope, outcome, group: [], state, seqNo, snapshot: undefined }
}

function decide<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  id: string,
  { state, seqNo }: Standing<State>,
  { cmd, arrivedAt, metadata }: Envelope<Cmd, Evt>,
): CmdEffect<Cmd, Evt, State> {
  try {
    return domain.handleCmd(state, cmd, new Context(id, seqNo, arrivedAt, metadata))
  } catch (cause) {
    throw new EventSourcedError('CMD_HANDLER_FAILED', `the command handler threw: ${messageOf(cause)}`, { cause })
  }
}

function computeReply<State, Reply>(thenReply: (state: State) => Reply, state: State): Reply {
  try {
    return thenReply(state)
  } catch (cause) {
    throw new EventSourcedError('CMD_HANDLER_FAILED', `thenReply threw: ${messageOf(cause)}`, { cause })
  }
}

function applyNew<Cmd, Evt, State>(
  { domain, binarizer }: EntityType<Cmd, Evt, State>,
  from: Standing<State>,
  evts: readonly Evt[],
  metadata: Metadata,
): Standing<State> & { group: NewEvt[]; snapshot: Standing<State> | undefined } {
  let { state, seqNo } = from
  let snapshot: Standing<State> | undefined
  const group: NewEvt[] = []
  for (const evt of evts) {
    const { type, version, bytes } = encode(binarizer, evt)
    group.push({ type, version, bytes, metadata })
    seqNo += 1
    state = applyEvt(domain, state, evt, seqNo)
    if (wantsSnapshot(domain, state, seqNo)) snapshot = { state, seqNo }
  }
  return { group, state, seqNo, snapshot }
}

function encode<Evt, State>(binarizer: Binarizer<Evt, State>, evt: Evt): EncodedEvt {
  try {
    return binarizer.encodeEvt(evt)
  } catch (cause) {
    if (hasCode(cause, 'BINARIZER_FAILED')) throw cause
    throw new EventSourcedError('BINARIZER_FAILED', `an event could not be encoded: ${messageOf(cause)}`, { cause })
  }
}

/** The state after an event. @throws {EventSourcedError} `EVT_HANDLER_FAILED` */
export function applyEvt<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  state: State,
  evt: Evt,
  seqNo: number,
): State {
  try {
    return domain.handleEvt(state, evt, seqNo)
  } catch (cause) {
    throw new EventSourcedError(
      'EVT_HANDLER_FAILED',
      `the event handler threw on event ${seqNo}: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

function wantsSnapshot<Cmd, Evt, State>(domain: EventSourced<Cmd, Evt, State>, state: State, seqNo: number): boolean {
  try {
    return domain.snapshot?.(state, seqNo) === true
  } catch (cause) {
    throw new EventSourcedError('EVT_HANDLER_FAILED', `snapshot threw on event ${seqNo}: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Makes the Date only for a handler that asks for it. */
class Context implements CmdContext {
  readonly id: string
  readonly seqNo: number
  readonly metadata: Metadata
  readonly #arrivedAt: number

  constructor(id: string, seqNo: number, arrivedAt: number, metadata: Metadata) {
    this.id = id
    this.seqNo = seqNo
    this.metadata = metadata
    this.#arrivedAt = arrivedAt
  }

  get now(): Date {
    return new Date(this.#arrivedAt)
  }
}
