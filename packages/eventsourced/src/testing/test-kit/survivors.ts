import { inspect, isDeepStrictEqual } from 'node:util'
import type { Binarizer } from '../../binarizer/binarizer.js'
import { messageOf } from '../../errors.js'
import { assertSame, failure } from './assert-same.js'

/** Events and states as they come back from a log and a snapshot store: the same, in copies that share nothing with the first. */
export interface Survivors<Evt, State> {
  /** @throws {AssertionError} if the event can't be encoded or decoded, or comes back changed */
  evt(evt: Evt, seqNo: number): Evt
  /** @throws {AssertionError} likewise for the state after the event `seqNo` */
  state(state: State, seqNo: number): State
  /** @throws {AssertionError} likewise */
  reply(reply: unknown): void
}

export function survivors<Evt, State>(binarizer: Binarizer<Evt, State>): Survivors<Evt, State> {
  return {
    evt: (evt, seqNo) =>
      survivor(`event ${seqNo}, ${inspect(evt, INLINE)},`, evt, () => binarizer.decodeEvt(binarizer.encodeEvt(evt))),
    state(state, seqNo) {
      // The initial state is never stored, so it need not survive; one that is no plain data stands for its own copy.
      if (seqNo === 0) return plainCopy(state)?.copy ?? state
      return survivor(`the state after event ${seqNo}`, state, () =>
        binarizer.decodeState(binarizer.encodeState(state)),
      )
    },
    reply(reply) {
      if (reply === undefined) return
      survivor('the reply', reply, () => binarizer.decodeReply(binarizer.encodeReply(reply)))
    },
  }
}

const INLINE = { breakLength: Infinity, depth: 3, maxArrayLength: 10, maxStringLength: 50 } as const

function survivor<Value>(what: string, value: Value, roundTrip: () => Value): Value {
  let back: Value
  try {
    back = roundTrip()
  } catch (error) {
    throw failure(`${what} does not survive the binarizer: ${messageOf(error)}`, error)
  }
  assertSame(back, value, `${what} does not survive the binarizer: it comes back changed`)
  return back
}

/** A copy of plain data that shares nothing with it; undefined for anything else. */
export function plainCopy<Value>(value: Value): { readonly copy: Value } | undefined {
  try {
    const copy = structuredClone(value)
    return isDeepStrictEqual(copy, value) ? { copy } : undefined
  } catch {
    return undefined
  }
}
