import { RefusedError } from 'eventsourced'
import { meaningOf, wordsOf } from '../../errors/codes.js'
import { type ApiError, apiErrorOf, textOf } from '../../wire/ack.js'
import { parseJson } from '../../wire/json.js'
import type { OutMsg } from '../../wire/outbox.js'
import type { Reply } from '../../wire/wire.js'
import { CounterError, counterError, type CounterErrorCode } from '../counter-error.js'
import { MESSAGE_ID_HEADER } from '../message-id.js'
import { ackOf, COUNTER_INCREMENT_HEADER } from '../parse.js'

/** An add, which is the same message however often it is sent. */
export interface Add {
  readonly delta: bigint
  readonly messageId: string
  readonly msg: OutMsg
  /** When it was first sent, by two clocks: one that never goes back, and one that goes on while the machine sleeps. */
  readonly sentAt: { readonly steady: number; readonly wall: number }
}

/** How one try to add ended. */
export type Outcome =
  | { readonly kind: 'counted'; readonly value: bigint }
  /** It had been counted before, by what is stored there. */
  | { readonly kind: 'duplicate'; readonly seq: number }
  /** This try is not counted; the next one may be. */
  | { readonly kind: 'not-counted'; readonly why: string }
  /** The same, since no stream listens on the subject. */
  | { readonly kind: 'unheard'; readonly why: string }
  /** This try is not counted, or can't be told about; no other try will do better. */
  | { readonly kind: 'failed'; readonly error: CounterError }
  /** Whether it is counted is unknown. */
  | { readonly kind: 'unknown'; readonly why: string }

const EMPTY = new Uint8Array(0)

export function newAdd(subject: string, delta: bigint, messageId: string): Add {
  const fields = `${COUNTER_INCREMENT_HEADER}: ${delta}\r\n${MESSAGE_ID_HEADER}: ${messageId}\r\n`
  const header = `NATS/1.0\r\n${fields}\r\n`
  const sentAt = { steady: performance.now(), wall: Date.now() }
  return { delta, messageId, msg: { subject, header, payload: EMPTY }, sentAt }
}

/** How long ago an add was first sent, in milliseconds: the longer by either clock. */
export function ageOf({ sentAt }: Add): number {
  return Math.max(performance.now() - sentAt.steady, Date.now() - sentAt.wall)
}

/** What a reply says of an add on a stream. */
export function outcomeOf(stream: string, reply: Reply): Outcome {
  switch (reply.kind) {
    case 'msg':
      return answered(stream, textOf(reply.msg))
    case 'no-responders':
      return { kind: 'unheard', why: 'no stream listens: it is missing, or has no leader' }
    case 'not-sent':
      return { kind: 'not-counted', why: reply.why }
    case 'lost':
      return { kind: 'unknown', why: reply.why }
    case 'forbidden':
      return { kind: 'failed', error: counterError('PUBLISH', new RefusedError('forbidden', reply.why)) }
  }
}

function answered(stream: string, text: string): Outcome {
  const json = parseJson(text)
  const error = apiErrorOf(json)
  if (error !== undefined) return refused(error)
  try {
    const ack = ackOf(json)
    if (ack.stream !== stream)
      throw new CounterError('STREAM', `the stream ${ack.stream} counted what is for ${stream}`)
    if (ack.value === undefined) return { kind: 'duplicate', seq: ack.seq }
    return { kind: 'counted', value: ack.value }
  } catch (failure) {
    return { kind: 'failed', error: counterError('SERIALIZATION', failure) }
  }
}

const CODES: ReadonlyMap<number, CounterErrorCode> = new Map<number, CounterErrorCode>([
  [10168, 'COUNTER_NOT_ENABLED'],
  [10172, 'INVALID_COUNTER_VALUE'],
  [10173, 'COUNTER_NOT_ENABLED'], // a mirror
  [10169, 'PUBLISH'], // the header is missing: something between us and the server removes it
  [10170, 'PUBLISH'], // a payload
  [10171, 'PUBLISH'], // an increment or a header that is not for counters
])

function refused(error: ApiError): Outcome {
  const words = wordsOf(error)
  const code = CODES.get(error.code)
  if (code !== undefined) return { kind: 'failed', error: new CounterError(code, words) }
  const meaning = meaningOf(error)
  if (meaning === 'retry') return { kind: 'not-counted', why: words }
  // An error that nobody has thought of promises nothing.
  if (meaning === undefined || meaning === 'conflict') return { kind: 'unknown', why: words }
  return { kind: 'failed', error: counterError('PUBLISH', new RefusedError(meaning, words)) }
}
