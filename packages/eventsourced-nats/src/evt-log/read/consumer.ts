import { AckPolicy, DeliverPolicy, type Msg, nanos, nuid } from 'nats'
import { messageOf } from '../../errors/message-of.js'
import type { Received } from '../../wire/header-block.js'
import { tap } from '../../wire/inlet.js'
import { orAborted } from '../../wire/or-aborted.js'
import { orLost } from '../../wire/or-lost.js'
import type { StoredMsg } from '../stored-msg.js'
import type { Stream } from '../stream.js'
import { ConsumedMsg, readingPlaces } from './consumed-msg.js'

/** What a consumer gives: pages, then why it gives no more. */
export type Delivery<Item> =
  | { readonly kind: 'page'; readonly page: Page<Item> }
  /** It can't be relied on any more, and another one must take over behind the last message. */
  | { readonly kind: 'broken'; readonly why: string }
  /** No other one would be allowed more. */
  | { readonly kind: 'forbidden'; readonly why: string }
  /** What came can't be read: no other consumer would bring anything else. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** What was read of some messages in order. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** The stream sequence of the last message, whether anything was read of it or not. */
  readonly through: number
}

/** Reads a message as soon as it comes, since it is kept no longer than that; undefined for one that is passed over. What it throws ends the reading. */
export type ReadMsg<Item> = (msg: StoredMsg) => Item | undefined

/** An ephemeral consumer of the stream, that delivers as fast as it is emptied. */
export interface Consumer<Item> {
  /** All that has come by now; undefined if nothing has. */
  take(): Delivery<Item> | undefined
  /** Waits until there is something to take, or until the signal fires. */
  more(signal: AbortSignal): Promise<void>
  /** Deletes it on the server. Never fails: what can't be deleted ends by itself. */
  delete(): Promise<void>
}

/**
 * Two pulls: while one is consumed the other one is on its way. Larger ones cost a projection a tenth, since what waits for longer outlives a garbage collection, or two; where
 * the server is 20 ms away these bring some 25,000 to 50,000 messages a second.
 */
const MAX_WAITING_MSGS = 1_000
const PULL_MSGS = 500
const MIN_PULL_BYTES = 8_388_608
const PULL_EXPIRES_MS = 30_000
const HEARTBEAT_MS = 2_000
/** After so many of their times without anything, be they lost or late, the consumer is given up. */
const MISSED_HEARTBEATS = 3
const INACTIVE_MS = 60_000
const HEARTBEAT = 100
/** How a pull with a bound of bytes ends that was delivered whole. */
const BATCH_COMPLETED = 'Batch Completed'

/**
 * Creates a consumer of the messages on some subjects behind a position, or of all if none is named. One that is created too late for its reader is deleted.
 *
 * @throws what the package throws, or the signal's reason
 */
export async function createConsumer<Item>(
  stream: Stream,
  {
    subjects,
    after,
    read,
  }: { readonly subjects: readonly string[]; readonly after: number; readonly read: ReadMsg<Item> },
  signal: AbortSignal,
): Promise<Consumer<Item>> {
  const name = nuid.next()
  const creating = stream.manager.consumers.add(stream.name, {
    name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ...(subjects.length > 0 && { filter_subjects: [...subjects] }),
    inactive_threshold: nanos(INACTIVE_MS),
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
  })
  try {
    await orAborted(orLost(creating, stream.wire), signal)
  } catch (error) {
    // It may be there, or come up yet. The server does what a connection asks for in order, and so this needs no answer.
    if (!stream.wire.connection.isClosed()) {
      stream.wire.connection.publish(`$JS.API.CONSUMER.DELETE.${stream.name}.${name}`)
    }
    throw error
  }
  return new PullConsumer(stream, name, read)
}

/**
 * Pulls messages in such portions that few wait here, however slowly they are consumed. Each pull asks for heartbeats: without one in
 * time, with a gap in the deliveries or after a lost connection the consumer counts as broken.
 */
class PullConsumer<Item> implements Consumer<Item> {
  readonly #stream: Stream
  readonly #name: string
  readonly #inbox: string
  readonly #pullSubject: string
  readonly #unsubscribe: () => void
  readonly #unwatch: () => void
  readonly #read: ReadMsg<Item>
  readonly #placeOf = readingPlaces()
  /** What waits to be taken: of how many messages, and up to which. */
  #items: Item[] = []
  #waiting = 0
  #waitingBytes = 0
  #through = 0
  #end: Delivery<Item> | undefined
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #missed = 0
  /** Messages that are asked for and have not come. */
  #asked = 0
  #delivered = 0
  #isBroken = false

  constructor(stream: Stream, name: string, read: ReadMsg<Item>) {
    this.#stream = stream
    this.#read = read
    this.#name = name
    this.#inbox = stream.wire.newInbox()
    this.#pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${name}`
    const subscription = stream.wire.connection.subscribe(this.#inbox, {
      callback: (error, msg) => (error === null ? this.#onMsg(msg) : this.#break(error.message)),
    })
    const untap = tap(stream.wire.connection, subscription.getID(), (msg) => {
      if (!isStored(msg)) return false
      this.#receive(msg)
      return true
    })
    this.#unsubscribe = () => {
      untap()
      subscription.unsubscribe()
    }
    this.#unwatch = stream.wire.watch({
      onLost: (why) => this.#break(why),
      onForbidden: (subject) => {
        if (subject === this.#pullSubject) this.#break(`publishing to ${subject} is not permitted`, 'forbidden')
      },
    })
    this.#pull()
  }

  take(): Delivery<Item> | undefined {
    if (this.#waiting === 0) return this.#end
    const page = { items: this.#items, through: this.#through }
    this.#items = []
    this.#waiting = 0
    this.#waitingBytes = 0
    this.#pull()
    return { kind: 'page', page }
  }

  more(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#waiting > 0 || this.#end !== undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        this.#wake = undefined
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wake = wake
      signal.addEventListener('abort', wake)
    })
  }

  async delete(): Promise<void> {
    this.#isBroken = true
    clearInterval(this.#timer)
    this.#unwatch()
    if (this.#stream.wire.connection.isClosed()) return
    this.#unsubscribe()
    const deleting = this.#stream.manager.consumers.delete(this.#stream.name, this.#name)
    await orLost(deleting, this.#stream.wire).catch((error: unknown) => {
      this.#stream.logger?.debug({ err: error, consumer: this.#name }, 'a consumer was not deleted: it ends by itself')
    })
  }

  #pull(): void {
    const expected = this.#asked + this.#waiting
    // Large ones are let wait too: the next pull is made when they are taken.
    if (this.#isBroken || expected > MAX_WAITING_MSGS - PULL_MSGS || this.#waitingBytes >= MIN_PULL_BYTES) return
    const { wire } = this.#stream
    const request = {
      batch: PULL_MSGS,
      // One message at least must fit, or the consumer would stand still.
      max_bytes: Math.max(MIN_PULL_BYTES, 2 * wire.maxPayload),
      expires: nanos(PULL_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    }
    this.#asked += PULL_MSGS
    this.#watch()
    try {
      wire.connection.publish(this.#pullSubject, JSON.stringify(request), { reply: this.#inbox })
    } catch (error) {
      this.#break(messageOf(error))
    }
  }

  #onMsg(msg: Msg): void {
    if (isStored(msg)) return this.#receive(msg)
    if (this.#isBroken) return
    this.#missed = 0
    this.#onStatus(msg)
  }

  #receive(msg: Received): void {
    if (this.#isBroken) return
    this.#missed = 0
    this.#asked--
    const place = this.#placeOf(msg.reply ?? '')
    if (place === undefined || place.consumerSeq !== this.#delivered + 1) {
      return this.#break(`delivery ${place?.consumerSeq ?? msg.reply} came where ${this.#delivered + 1} was due`)
    }
    this.#delivered = place.consumerSeq
    this.#keep(new ConsumedMsg(msg, place))
  }

  #keep(msg: StoredMsg): void {
    try {
      const item = this.#read(msg)
      if (item !== undefined) this.#items.push(item)
    } catch (error) {
      return this.#endWith({ kind: 'failed', error })
    }
    this.#waiting += 1
    this.#waitingBytes += msg.data.byteLength
    this.#through = msg.seq
    this.#wake?.()
  }

  #onStatus(msg: Msg): void {
    const code = msg.headers?.code ?? 0
    if (code !== HEARTBEAT) this.#endOfPull(msg, code)
  }

  /** A pull is over: expired, full by its bytes, or done. What it did not deliver is asked for again. */
  #endOfPull(msg: Msg, code: number): void {
    const status = msg.headers?.status ?? String(code)
    const left = Number(msg.headers?.get('Nats-Pending-Messages') ?? '')
    const isOver = (code === 408 || code === 409) && (left > 0 || status.endsWith(BATCH_COMPLETED))
    if (!isOver) return this.#break(status)
    this.#asked -= left
    this.#pull()
  }

  #break(why: string, kind: 'broken' | 'forbidden' = 'broken'): void {
    this.#endWith({ kind, why })
  }

  #endWith(end: Delivery<Item>): void {
    if (this.#isBroken) return
    this.#isBroken = true
    clearInterval(this.#timer)
    this.#end = end
    this.#wake?.()
  }

  /** Heartbeats come while a pull is open only. A timer that is set anew by each message would cost as much as reading it. */
  #watch(): void {
    this.#missed = 0
    this.#timer ??= setInterval(() => {
      if (this.#asked > 0 && ++this.#missed > MISSED_HEARTBEATS) {
        this.#break(`nothing was heard of it for ${MISSED_HEARTBEATS * HEARTBEAT_MS} ms`)
      }
    }, HEARTBEAT_MS)
  }
}

/** What stands in the stream can be acknowledged; the rest is a status. */
function isStored({ reply }: Received): boolean {
  return reply !== undefined && reply !== ''
}
