import type { Binarizer, EncodedEvt } from '../binarizer/binarizer.js'
import type { CmdEffect } from '../domain/effect.js'
import type { CmdContext, EventSourced, Metadata } from '../domain/event-sourced.js'
import { asError, EventSourcedError, hasCode, messageOf, show } from '../errors.js'
import type { NewEvt } from '../log/evt-log.js'
import type { MovedOn } from './cmd-result.js'
import { type CmdWindow, PendingWindow, type RememberedCmd } from './cmd-window.js'
import type { Envelope } from './envelope.js'
import type { EntityType } from './options.js'
import { withCmdId } from './reserved-metadata.js'

/** What handling a command came to. Its caller hears of it once all events before it are stored, and its own. */
export type Outcome<Evt> =
  | { readonly kind: 'accepted'; readonly evts: readonly Evt[]; readonly reply: unknown }
  | { readonly kind: 'repeated'; readonly cmd: RememberedCmd; readonly reply: unknown }
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
  /** What is remembered of a command with an id once its events are stored; its position is known only then. */
  readonly remembered: RememberedCmd | undefined
}

const NO_EVTS: readonly NewEvt[] = []

/** Where an entity stands. */
export interface Standing<State> {
  readonly state: State
  readonly seqNo: number
}

/** What commands are handled on. */
export interface Speculation<State> extends Standing<State> {
  readonly id: string
  /** The commands with an id that are stored, or would be. */
  readonly window: Pick<CmdWindow, 'get'>
}

/**
 * Handles commands one after another against a speculative state: each sees the events of those before it. Every event is encoded and
 * applied before anything is stored, so what a handler or the binarizer can't digest fails its command alone and never reaches the log.
 */
export function handleCmds<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  speculation: Speculation<State>,
  envelopes: readonly Envelope<Cmd, Evt>[],
): Handled<Cmd, Evt, State>[] {
  const all: Handled<Cmd, Evt, State>[] = []
  const pending = new PendingWindow(speculation.window)
  let standing: Standing<State> = speculation
  for (const envelope of envelopes) {
    if (envelope.isSettled) continue
    envelope.isInFlight = true
    const handled = handleCmd(type, { ...standing, id: speculation.id, window: pending }, envelope)
    if (handled.remembered !== undefined) pending.add(handled.remembered)
    all.push(handled)
    standing = handled
  }
  return all
}

function handleCmd<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  standing: Speculation<State>,
  envelope: Envelope<Cmd, Evt>,
): Handled<Cmd, Evt, State> {
  const { cmdId, expectedSeqNo, metadata } = envelope.request
  try {
    const before = cmdId === undefined ? undefined : standing.window.get(cmdId)
    if (before !== undefined) {
      return storesNothing(standing, envelope, { kind: 'repeated', cmd: before, reply: decodeReply(type, before) })
    }
    if (expectedSeqNo !== undefined && expectedSeqNo !== standing.seqNo) {
      const rejection: MovedOn = { type: 'MovedOn', expectedSeqNo, seqNo: standing.seqNo }
      return storesNothing(standing, envelope, { kind: 'rejected', rejection })
    }
    const effect = decide(type.domain, standing, envelope)
    switch (effect?.effect) {
      case 'reject':
        return storesNothing(standing, envelope, { kind: 'rejected', rejection: effect.rejection })
      case 'reply':
        return storesNothing(standing, envelope, { kind: 'accepted', evts: [], reply: effect.reply })
      case 'persist': {
        const applied = applyNew(type, standing, effect.evts, metadata)
        const reply = effect.thenReply && computeReply(effect.thenReply, applied.state)
        const outcome: Outcome<Evt> = { kind: 'accepted', evts: effect.evts, reply }
        const handled = { envelope, outcome, ...applied, remembered: undefined }
        return cmdId === undefined ? handled : remember(type, handled, cmdId, reply)
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

/** Lets a command's id and reply travel with its last event, in the same atomic write. A command without events leaves no trace. */
function remember<Cmd, Evt, State>(
  { binarizer }: EntityType<Cmd, Evt, State>,
  handled: Handled<Cmd, Evt, State>,
  cmdId: string,
  reply: unknown,
): Handled<Cmd, Evt, State> {
  const last = handled.group.at(-1)
  if (last === undefined) return handled
  const encoded = reply === undefined ? undefined : encodeReply(binarizer, reply)
  const marked = { ...last, metadata: withCmdId(last.metadata, cmdId, encoded) }
  return {
    ...handled,
    group: [...handled.group.slice(0, -1), marked],
    remembered: { cmdId, seqNo: handled.seqNo, position: 0, reply: encoded },
  }
}

function storesNothing<Cmd, Evt, State>(
  { state, seqNo }: Standing<State>,
  envelope: Envelope<Cmd, Evt>,
  outcome: Outcome<Evt>,
): Handled<Cmd, Evt, State> {
  return { envelope, outcome, group: NO_EVTS, state, seqNo, snapshot: undefined, remembered: undefined }
}

function decide<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  { state, seqNo, id }: Speculation<State>,
  { cmd, arrivedAt, request }: Envelope<Cmd, Evt>,
): CmdEffect<Cmd, Evt, State> {
  try {
    return domain.handleCmd(state, cmd, new Context(id, seqNo, arrivedAt, request.metadata))
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

function encodeReply<Evt, State>(binarizer: Binarizer<Evt, State>, reply: unknown): string {
  try {
    return Buffer.from(binarizer.encodeReply(reply)).toString('base64')
  } catch (cause) {
    throw new EventSourcedError('BINARIZER_FAILED', `the reply could not be encoded: ${messageOf(cause)}`, { cause })
  }
}

function decodeReply<Cmd, Evt, State>({ binarizer }: EntityType<Cmd, Evt, State>, { reply }: RememberedCmd): unknown {
  try {
    return reply === undefined ? undefined : binarizer.decodeReply(Buffer.from(reply, 'base64'))
  } catch (cause) {
    throw new EventSourcedError('BINARIZER_FAILED', `the reply could not be decoded: ${messageOf(cause)}`, { cause })
  }
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
