import { fieldsOf, type Received } from '../../wire/header-block.js'
import type { StoredMsg } from '../stored-msg.js'

const DIGIT_0 = 48

/** Where a consumer says that a message stands. */
export interface Place {
  readonly seq: number
  /** Among all that the consumer has delivered. */
  readonly consumerSeq: number
  /** When it was stored. */
  readonly time: Date
}

/**
 * Reads where the messages of one consumer stand, by the subjects to acknowledge them to: `$JS.ACK.[domain.account.]stream.consumer.count.seq.consumerSeq.time.pending[.…]`,
 * of which all is the same up to `seq`.
 */
export function readingPlaces(): (reply: string) => Place | undefined {
  let start: number | undefined
  let last = new Date(0)
  // What was stored in the same millisecond shares its date: readers keep many of them.
  const dateOf = (ms: number) => (ms === last.getTime() ? last : (last = new Date(ms)))
  return (reply) => placeAt(reply, (start ??= startOf(reply)), dateOf)
}

/** Where `seq` stands. Whoever has more tokens behind it has two more before it. */
function startOf(reply: string): number {
  const tokens = reply.split('.')
  return tokens.slice(0, tokens.length === 9 ? 5 : 7).join('.').length + 1
}

function placeAt(reply: string, start: number, dateOf: (ms: number) => Date): Place | undefined {
  const seqEnd = reply.indexOf('.', start)
  const consumerSeqEnd = reply.indexOf('.', seqEnd + 1)
  const timeEnd = reply.indexOf('.', consumerSeqEnd + 1)
  if (timeEnd < 0) return undefined
  const seq = numberIn(reply, start, seqEnd)
  const consumerSeq = numberIn(reply, seqEnd + 1, consumerSeqEnd)
  // In nanoseconds, which are more than a number can tell apart.
  const time = numberIn(reply, consumerSeqEnd + 1, timeEnd - 6)
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(consumerSeq) || !Number.isSafeInteger(time)) return undefined
  return { seq, consumerSeq, time: dateOf(time) }
}

function numberIn(text: string, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - DIGIT_0
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

/** A message as a consumer gave it: its headers are read if somebody asks for them, which for those passed over nobody does. */
export class ConsumedMsg implements StoredMsg {
  readonly seq: number
  readonly time: Date
  readonly #msg: Received
  #headers: StoredMsg['headers'] | undefined

  constructor(msg: Received, { seq, time }: Place) {
    this.#msg = msg
    this.seq = seq
    this.time = time
  }

  get subject(): string {
    return this.#msg.subject
  }

  get headers(): StoredMsg['headers'] {
    return (this.#headers ??= fieldsOf(this.#msg))
  }

  get data(): Uint8Array {
    return this.#msg.data
  }
}
