import { isDeepStrictEqual } from 'node:util'
import type { Binarizer } from '../../binarizer/binarizer.js'
import { messageOf, show } from '../../errors.js'
import { assertSame, failure } from './assert-same.js'

/**
 * What came back of a value that was turned into bytes: the same, and a copy that shares nothing with it.
 *
 * @throws {AssertionError} if it can't be encoded or decoded, or is not the same
 */
export function survivor<Value, Bytes>(
  what: string,
  value: Value,
  codec: { readonly encode: (value: Value) => Bytes; readonly decode: (bytes: Bytes) => Value },
): Value {
  let back: Value
  try {
    back = codec.decode(codec.encode(value))
  } catch (error) {
    throw failure(`${what} does not survive the binarizer: ${messageOf(error)}`, error)
  }
  assertSame(back, value, `${what} does not survive the binarizer: it comes back changed`)
  return back
}

/** Copies of events and states, as they come back from a log or a snapshot store. */
export class Survivors<Evt, State> {
  readonly #binarizer: Binarizer<Evt, State>
  readonly #initialState: State

  constructor(binarizer: Binarizer<Evt, State>, initialState: State) {
    this.#binarizer = binarizer
    this.#initialState = initialState
  }

  evt(evt: Evt, seqNo: number): Evt {
    const { encodeEvt, decodeEvt } = methodsOf(this.#binarizer)
    return survivor(`event ${seqNo}, ${show(evt)},`, evt, { encode: encodeEvt, decode: decodeEvt })
  }

  /** The initial state is never stored, so that it need not survive. */
  state(state: State, seqNo: number): State {
    if (seqNo === 0) return plainCopy(this.#initialState) ?? this.#initialState
    const { encodeState, decodeState } = methodsOf(this.#binarizer)
    return survivor(`the state after event ${seqNo}`, state, { encode: encodeState, decode: decodeState })
  }

  /** Replies travel with the events of commands that have an id. */
  reply(reply: unknown): void {
    if (reply === undefined) return
    const { encodeReply, decodeReply } = methodsOf(this.#binarizer)
    survivor('the reply', reply, { encode: encodeReply, decode: decodeReply })
  }
}

function methodsOf<Evt, State>(binarizer: Binarizer<Evt, State>): Omit<Binarizer<Evt, State>, 'stateVersion'> {
  return {
    encodeEvt: (evt) => binarizer.encodeEvt(evt),
    decodeEvt: (encoded) => binarizer.decodeEvt(encoded),
    encodeState: (state) => binarizer.encodeState(state),
    decodeState: (bytes) => binarizer.decodeState(bytes),
    encodeReply: (reply) => binarizer.encodeReply(reply),
    decodeReply: (bytes) => binarizer.decodeReply(bytes),
  }
}

/** A copy of plain data that shares nothing with it; undefined for anything else. */
export function plainCopy<Value>(value: Value): Value | undefined {
  try {
    const copy = structuredClone(value)
    return isDeepStrictEqual(copy, value) ? copy : undefined
  } catch {
    return undefined
  }
}
