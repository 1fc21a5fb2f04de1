import { type Received, statusOf } from '../../wire/header-block.js'
import type { OutMsg } from '../../wire/outbox.js'
import { type Read, readMsg } from '../evt-message.js'
import type { Stream } from '../stream.js'
import { MAX_PAGE_BYTES, storedMsg } from './direct-get.js'
import type { Range } from './replay.js'

/** So many messages at most are read one by one, each in a round trip. */
const MAX_STEPS = 32
/** Where the last two lie closer together than this, the server has little to look through for a page. */
const MIN_GAP = 100

/**
 * An entity's messages from its head back to the first of a range, read one by one: each bears where the one before it stands, as the
 * fence that it was stored with. Where they lie scattered this is cheaper than a page, by far: for a page the server looks at every
 * message that lies between two of them in the same block, while it finds a message by its sequence at once.
 *
 * @returns undefined if they lie together, are many or large, or if anything stands in the way: then pages are read, which knows best
 */
export async function walkBack(
  { name, wire }: Stream,
  range: Range,
  signal?: AbortSignal,
): Promise<readonly Read[] | undefined> {
  const { from, head } = range
  const isScattered = head.fence !== undefined && head.seq - head.fence >= MIN_GAP
  if (!isScattered || head.isTombstone || head.seqNo - Math.max(from, 1) >= MAX_STEPS) return undefined
  const walk = new Walk(name, range)
  await wire.requestMany(walk.nextGet(), (msg) => (signal?.aborted === true ? 'nothing' : walk.onAnswer(msg)))
  return walk.isDone ? walk.reads.toReversed() : undefined
}

class Walk {
  readonly #subject: string
  readonly #range: Range
  readonly reads: Read[] = []
  /** The message that is due. */
  #seqNo: number
  #seq: number
  #bytes = 0

  constructor(stream: string, range: Range) {
    this.#subject = `$JS.API.DIRECT.GET.${stream}`
    this.#range = range
    this.#seqNo = range.head.seqNo
    this.#seq = range.head.seq
  }

  get isDone(): boolean {
    return this.#seqNo < Math.max(this.#range.from, 1)
  }

  nextGet(): OutMsg {
    return { subject: this.#subject, header: '', payload: Buffer.from(`{"seq":${this.#seq}}`, 'latin1') }
  }

  /** The next message to get; 'nothing' once all are there, or one is not what it should be. */
  onAnswer(msg: Received): 'nothing' | 'more' | OutMsg {
    if (statusOf(msg) !== undefined) return 'nothing'
    const stored = storedMsg(msg)
    // Around a change of leader two replicas may answer.
    if (stored.seq > this.#seq) return 'more'
    this.#bytes += stored.data.byteLength
    if (stored.seq < this.#seq || stored.subject !== this.#range.subject || this.#bytes > MAX_PAGE_BYTES)
      return 'nothing'
    const read = readMsg(stored)
    const { head } = read
    // What is deleted is no part of the chain.
    if (head.seqNo !== this.#seqNo || head.isTombstone) return 'nothing'
    if (this.#seqNo <= this.#range.to) this.reads.push(read)
    this.#seqNo -= 1
    // Messages that were stored as one stand one behind the other.
    this.#seq = head.fence ?? stored.seq - 1
    return this.isDone ? 'nothing' : this.nextGet()
  }
}
