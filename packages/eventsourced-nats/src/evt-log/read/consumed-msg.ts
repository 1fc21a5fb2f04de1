import type { Msg } from 'nats'
import { fieldsOf } from '../../wire/header-block.js'
import type { StoredMsg } from '../stored-msg.js'

/** Where a consumer says that a message stands. */
export interface Place {
  readonly seq: number
  /** Among all that the consumer has delivered. */
  readonly consumerSeq: number
  /** Nanoseconds since 1970. */
  readonly time: string
}

/** The subject to acknowledge to tells it: `$JS.ACK.[domain.account.]stream.consumer.count.seq.consumerSeq.time.pending[.…]`. */
export function placeOf(reply: string): Place | undefined {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 7 : 5
  const [seq, consumerSeq] = [Number(tokens[at]), Number(tokens[at + 1])]
  const time = tokens[at + 2]
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(consumerSeq) || time === undefined) return undefined
  return { seq, consumerSeq, time }
}

/** A message as a consumer gave it: its headers are read once somebody asks for them, which for those passed over nobody does. */
export class ConsumedMsg implements StoredMsg {
  readonly seq: number
  readonly #msg: Msg
  readonly #time: string
  #headers: ReadonlyMap<string, string> | undefined

  constructor(msg: Msg, { seq, time }: Place) {
    this.#msg = msg
    this.seq = seq
    this.#time = time
  }

  get subject(): string {
    return this.#msg.subject
  }

  get time(): Date {
    return new Date(Number(this.#time.slice(0, -6)))
  }

  get headers(): ReadonlyMap<string, string> {
    return (this.#headers ??= fieldsOf(this.#msg))
  }

  get data(): Uint8Array {
    return this.#msg.data
  }
}
