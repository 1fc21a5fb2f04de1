import { nuid } from 'nats'
import { type PubReply, pubReply } from '../../wire/ack.js'
import type { OutMsg } from '../../wire/outbox.js'
import type { PartedRequest } from '../../wire/wire.js'
import type { Stream } from '../stream.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { MAX_BATCH_BYTES, MAX_BATCH_MSGS, outMsg, type Write, type WriteMsg } from './write.js'

/** How a batch ended. The number is the last sequence of the subject whose fence failed, if one did and the server told. */
export interface BatchOutcome {
  readonly outcome: Outcome
  readonly failedAt: number | undefined
}

/** A message that is not yet sent, since it may be the last. */
interface Held {
  readonly write: Write
  readonly msg: WriteMsg
  readonly isFenced: boolean
}

/**
 * An atomic batch in the making. Its messages go out while further ones are made, all but the last, which makes the server store them. A
 * message that remains the only one goes as it is: a batch costs the server some milliseconds, whatever its size.
 */
export class Batch {
  readonly writes: Write[] = []
  readonly #stream: Stream
  readonly #subjects = new Set<string>()
  readonly #id = nuid.next()
  #request: PartedRequest | undefined
  #held: Held | undefined
  #bytes = 0
  /** How many messages it has. */
  #count = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  get count(): number {
    return this.#count
  }

  /** Whether a write fits into it. No entity is in it twice. */
  admits({ subject, msgs, bytes }: Write): boolean {
    if (this.#count === 0) return true
    return (
      this.#count + msgs.length <= MAX_BATCH_MSGS &&
      this.#bytes + bytes <= MAX_BATCH_BYTES &&
      !this.#subjects.has(subject)
    )
  }

  add(write: Write): void {
    this.writes.push(write)
    this.#subjects.add(write.subject)
    this.#bytes += write.bytes
    let isFenced = true
    for (const msg of write.msgs) {
      this.#sendHeld()
      this.#count++
      this.#held = { write, msg, isFenced }
      isFenced = false
    }
  }

  /** Has it stored. Nothing may be added any more. */
  async end(): Promise<BatchOutcome> {
    const { name } = this.#stream
    const reply = pubReply(name, await this.#end())
    return { outcome: outcomeOf(reply, this.#count), failedAt: failedAt(reply) }
  }

  #end() {
    const { wire } = this.#stream
    if (this.#held === undefined) throw new Error('an empty batch')
    const msg = this.#outMsg(this.#held, true)
    if (this.#request === undefined) return wire.request(msg)
    this.#request.end(msg)
    return this.#request.reply
  }

  #sendHeld(): void {
    if (this.#held === undefined) return
    this.#request ??= this.#stream.wire.requestInParts(this.writes)
    this.#request.put(this.#outMsg(this.#held, false))
  }

  #outMsg({ write, msg, isFenced }: Held, isLast: boolean): OutMsg {
    const isSingle = isLast && this.#count === 1
    return outMsg(write, msg, isFenced, isSingle ? undefined : { id: this.#id, sequence: this.#count, isLast })
  }
}

function failedAt(reply: PubReply): number | undefined {
  if (reply.kind !== 'error') return undefined
  const seq = /: ([1-9][0-9]*)$/.exec(reply.description)?.[1]
  return seq === undefined ? undefined : Number(seq)
}
