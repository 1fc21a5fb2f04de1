import type { CmdEffect, Persist } from '../domain/effect.js'
import type { CmdContext, EventSourced, Metadata } from '../domain/event-sourced.js'
import { EventSourcedError, isEventSourcedError, messageOf, show } from '../errors.js'
import type { NewEvt } from '../log/evt-log.js'
import { applyEvt, wantsSnapshot } from './apply-evt.js'
import type { MovedOn } from './cmd-result.js'
import type { CmdWindow, RememberedCmd } from './cmd-window.js'
import { decodeReply, encodeEvt, encodeReply } from './encode.js'
import type { Envelope } from './envelope.js'
import type { Handled, Outcome, Standing } from './handled.js'
import type { EntityType } from './options.js'
import type { Recovered } from './recover.js'
import { withCmdId } from './reserved-metadata.js'

const NO_EVTS: readonly NewEvt[] = []

/** Where an entity would stand if all that is handled gets stored. */
class Speculation<State> {
  readonly id: string
  state: State
  seqNo: number
  readonly #stored: CmdWindow
  /** The commands with an id that are handled and not stored yet. */
  #handled: Map<string, RememberedCmd> | undefined

  constructor(id: string, { state, head, window }: Recovered<State>) {
    this.id = id
    this.state = state
    this.seqNo = head.seqNo
    this.#stored = window
  }

  find(cmdId: string): RememberedCmd | undefined {
    return this.#handled?.get(cmdId) ?? this.#stored.get(cmdId)
  }

  goOn({ state, seqNo, remembered }: Standing<State> & { readonly remembered: RememberedCmd | undefined }): void {
    this.state = state
    this.seqNo = seqNo
    if (remembered === undefined) return
    this.#handled ??= new Map()
    this.#handled.set(remembered.cmdId, remembered)
  }
}

/**
 * Handles commands one after another against a speculative state: each sees the events of those before it. Every event is encoded and
 * applied before anything is stored, so what a handler or the binarizer can't digest fails its command alone and never reaches the log.
 * Commands whose callers have given up are left out.
 */
export function handleCmds<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  id: string,
  known: Recovered<State>,
  envelopes: readonly Envelope<Cmd, Evt>[],
): Handled<Cmd, Evt, State>[] {
  const speculation = new Speculation(id, known)
  for (const envelope of envelopes) envelope.takeTurn()
  const waiting = envelopes.some(isSettled) ? envelopes.filter((envelope) => !envelope.isSettled) : envelopes
  return waiting.map((envelope) => {
    envelope.isInFlight = true
    const handled = handleCmd(type, speculation, envelope)
    speculation.goOn(handled)
    return handled
  })
}

function isSettled(envelope: { readonly isSettled: boolean }): boolean {
  return envelope.isSettled
}

function handleCmd<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  speculation: Speculation<State>,
  envelope: Envelope<Cmd, Evt>,
): Handled<Cmd, Evt, State> {
  const { cmdId, expectedSeqNo } = envelope.request
  try {
    const before = cmdId === undefined ? undefined : speculation.find(cmdId)
    if (before !== undefined) {
      return storesNothing(speculation, envelope, { kind: 'repeated', cmd: before, reply: replyOf(type, before) })
    }
    if (expectedSeqNo !== undefined && expectedSeqNo !== speculation.seqNo) {
      const rejection: MovedOn = { type: 'MovedOn', expectedSeqNo, seqNo: speculation.seqNo }
      return storesNothing(speculation, envelope, { kind: 'rejected', rejection })
    }
    const effect = decide(type.domain, speculation, envelope)
    switch (effect?.effect) {
      case 'reject':
        return storesNothing(speculation, envelope, { kind: 'rejected', rejection: effect.rejection })
      case 'reply':
        return storesNothing(speculation, envelope, { kind: 'accepted', evts: [], reply: effect.reply })
      case 'persist': {
        const handled = applyNew(type, speculation, envelope, effect)
        return cmdId === undefined ? handled : remember(type, handled, cmdId)
      }
      default:
        throw new EventSourcedError(
          'CMD_HANDLER_FAILED',
          `the command handler returned ${show(effect)}: expected persist(), reply() or reject()`,
        )
    }
  } catch (error) {
    return storesNothing(speculation, envelope, { kind: 'failed', error: asTyped(error) })
  }
}

/** What is not typed by now comes of an effect that no compiler has seen, such as one without events. */
function asTyped(error: unknown): EventSourcedError {
  if (isEventSourcedError(error)) return error
  const message = `what the command handler returned can't be carried out: ${messageOf(error)}`
  return new EventSourcedError('CMD_HANDLER_FAILED', message, { cause: error })
}

/** Lets a command's id and reply travel with its last event, in the same atomic write. A command without events leaves no trace. */
function remember<Cmd, Evt, State>(
  { binarizer }: EntityType<Cmd, Evt, State>,
  handled: Handled<Cmd, Evt, State>,
  cmdId: string,
): Handled<Cmd, Evt, State> {
  const { group, outcome, seqNo } = handled
  const last = group.at(-1)
  if (last === undefined || outcome.kind !== 'accepted') return handled
  const reply = outcome.reply === undefined ? undefined : encodeReply(binarizer, outcome.reply)
  const marked = { ...last, metadata: withCmdId(last.metadata, cmdId, reply) }
  return { ...handled, group: [...group.slice(0, -1), marked], remembered: { cmdId, seqNo, position: 0, reply } }
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
  envelope: Envelope<Cmd, Evt>,
  { evts, thenReply }: Persist<Evt, State, unknown>,
): Handled<Cmd, Evt, State> {
  let { state, seqNo } = from
  let snapshot: Standing<State> | undefined
  const { metadata } = envelope.request
  let group: NewEvt[] = []
  for (const evt of evts) {
    const { type, version, bytes } = encodeEvt(binarizer, evt)
    const newEvt: NewEvt = { type, version, bytes, metadata }
    // An array grown from nothing has room for 17, of which most commands need one.
    if (group.length === 0) group = [newEvt]
    else group.push(newEvt)
    seqNo += 1
    state = applyEvt(domain, state, evt, seqNo)
    if (wantsSnapshot(domain, state, seqNo)) snapshot = { state, seqNo }
  }
  const reply = thenReply === undefined ? undefined : computeReply(thenReply, state)
  return { envelope, outcome: { kind: 'accepted', evts, reply }, group, state, seqNo, snapshot, remembered: undefined }
}

function replyOf<Cmd, Evt, State>({ binarizer }: EntityType<Cmd, Evt, State>, { reply }: RememberedCmd): unknown {
  return reply === undefined ? undefined : decodeReply(binarizer, reply)
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
