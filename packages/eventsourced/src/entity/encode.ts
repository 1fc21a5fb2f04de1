import type { Binarizer, EncodedEvt } from '../binarizer/binarizer.js'
import { EventSourcedError, hasCode, messageOf } from '../errors.js'
import { isReserved } from '../log/reserved.js'

/** A new event as bytes. @throws {EventSourcedError} `BINARIZER_FAILED` */
export function encodeEvt<Evt, State>(binarizer: Binarizer<Evt, State>, evt: Evt): EncodedEvt {
  try {
    const encoded = binarizer.encodeEvt(evt)
    if (isReserved(encoded.type)) throw new Error(`its type ${encoded.type} is one of the library's own`)
    return encoded
  } catch (cause) {
    if (hasCode(cause, 'BINARIZER_FAILED')) throw cause
    throw new EventSourcedError('BINARIZER_FAILED', `an event could not be encoded: ${messageOf(cause)}`, { cause })
  }
}

/** A reply as it travels with the events: bytes in base64. @throws {EventSourcedError} `BINARIZER_FAILED` */
export function encodeReply<Evt, State>(binarizer: Binarizer<Evt, State>, reply: unknown): string {
  try {
    return Buffer.from(binarizer.encodeReply(reply)).toString('base64')
  } catch (cause) {
    throw new EventSourcedError('BINARIZER_FAILED', `the reply could not be encoded: ${messageOf(cause)}`, { cause })
  }
}

/** What {@link encodeReply} encoded. @throws {EventSourcedError} `BINARIZER_FAILED` */
export function decodeReply<Evt, State>(binarizer: Binarizer<Evt, State>, reply: string): unknown {
  try {
    return binarizer.decodeReply(Buffer.from(reply, 'base64'))
  } catch (cause) {
    throw new EventSourcedError('BINARIZER_FAILED', `the reply could not be decoded: ${messageOf(cause)}`, { cause })
  }
}
