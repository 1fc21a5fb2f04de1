import { nuid } from 'nats'
import { type PubReply, pubReply } from '../../wire/ack.js'
import type { OutMsg } from '../../wire/outbox.js'
import type { PartedRequest } from '../../wire/wire.js'
import type { Stream } from '../stream.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { MAX_BATCH_BYTES, MAX_BATCH_MSGS, outMsg, type Write } from './write.js'

/** How a batch ended. The number is the last sequence of the subject whose fence failed, if one did and the server told. */
export interface BatchOutcome {
  readonly outcome: Outcome
  readonly failedAt: number | undefined
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
  /** The last message, by its write and its index: it is not yet sent, since nothing may come behind it. */
  #held: Write | undefined
  #heldIndex = 0
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
    for (let index = 0; index < write.msgs.length; index++) {
      this.#sendHeld()
      this.#count++
      this.#held = write
      this.#heldIndex = index
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
    const msg = this.#heldMsg(true)
    if (this.#request === undefined) return wire.request(msg)
    this.#request.end(msg)
    return this.#request.reply
  }

  #sendHeld(): void {
    if (this.#held === undefined) return
    this.#request ??= this.#stream.wire.requestInParts(this.writes)
    this.#request.put(this.#heldMsg(false))
  }

  #heldMsg(isLast: boolean): OutMsg {
    if (this.#held === undefined) throw new Error('an empty batch')
    const isSingle = isLast && this.#count === 1
    const place = isSingle ? undefined : { id: this.#id, sequence: this.#count, isLast }
    return outMsg(this.#held, this.#heldIndex, place)
  }
}

function failedAt(reply: PubReply): number | undefined {
  if (reply.kind !== 'error') return undefined
  const seq = /: ([1-9][0-9]*)$/.exec(reply.description)?.[1]
  return seq === undefined ? undefined : Number(seq)
}
