import type { Msg } from 'nats'
import { fieldsOf } from '../../wire/header-block.js'
import type { StoredMsg } from '../stored-msg.js'

/** Where a consumer says that a message stands. */
export interface Place {
  readonly seq: number
  /** Among all that the consumer has delivered. */
  readonly consumerSeq: number
  /** When it was stored, in milliseconds since 1970. */
  readonly time: number
}

/** The subject to acknowledge to tells it: `$JS.ACK.[domain.account.]stream.consumer.count.seq.consumerSeq.time.pending[.…]`. */
export function placeOf(reply: string): Place | undefined {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 7 : 5
  const [seq, consumerSeq] = [Number(tokens[at]), Number(tokens[at + 1])]
  // In nanoseconds, which are more than a number can tell apart.
  const time = Number(tokens[at + 2]?.slice(0, -6))
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(consumerSeq) || !Number.isSafeInteger(time)) return undefined
  return { seq, consumerSeq, time }
}

/** A message as a consumer gave it: what of it is not asked for is not read, and it is not to be kept, since it keeps all that came with it. */
export class ConsumedMsg implements StoredMsg {
  readonly seq: number
  readonly #msg: Msg
  readonly #time: number
  #headers: StoredMsg['headers'] | undefined

  constructor(msg: Msg, { seq, time }: Place) {
    this.#msg = msg
    this.seq = seq
    this.#time = time
  }

  get subject(): string {
    return this.#msg.subject
  }

  get time(): Date {
    return new Date(this.#time)
  }

  get headers(): StoredMsg['headers'] {
    return (this.#headers ??= fieldsOf(this.#msg))
  }

  get data(): Uint8Array {
    return this.#msg.data
  }
}
