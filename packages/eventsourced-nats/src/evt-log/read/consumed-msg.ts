import { fieldsOf, type Received } from '../../wire/header-block.js'
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
  return placeBehind(5, reply, true) ?? placeBehind(7, reply, false)
}

function placeBehind(tokens: number, reply: string, isAll: boolean): Place | undefined {
  let at = 0
  for (let token = 0; token < tokens; token++) at = reply.indexOf('.', at) + 1
  const second = reply.indexOf('.', at)
  const third = reply.indexOf('.', second + 1)
  const fourth = reply.indexOf('.', third + 1)
  // Whoever has more tokens has two more before these.
  if (fourth < 0 || (isAll && reply.includes('.', fourth + 1))) return undefined
  const seq = Number(reply.slice(at, second))
  const consumerSeq = Number(reply.slice(second + 1, third))
  // In nanoseconds, which are more than a number can tell apart.
  const time = Number(reply.slice(third + 1, fourth - 6))
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(consumerSeq) || !Number.isSafeInteger(time)) return undefined
  return { seq, consumerSeq, time }
}

/** A message as a consumer gave it: its headers are read if somebody asks for them, which for those passed over nobody does. */
export class ConsumedMsg implements StoredMsg {
  readonly seq: number
  readonly #msg: Received
  readonly #time: number
  #headers: StoredMsg['headers'] | undefined

  constructor(msg: Received, { seq, time }: Place) {
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
