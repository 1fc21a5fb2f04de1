import { AckPolicy, DeliverPolicy, type Msg, nanos, nuid } from 'nats'
import { fieldsOf } from '../../wire/header-block.js'
import { orLost } from '../../wire/or-lost.js'
import type { StoredMsg } from '../stored-msg.js'
import type { Stream } from '../stream.js'

/** What a consumer gives: messages, then why it gives no more. */
export type Delivery =
  | { readonly kind: 'msg'; readonly msg: StoredMsg }
  /** It can't be relied on any more, and another one must take over behind the last message. */
  | { readonly kind: 'broken'; readonly why: string }
  /** No other one would be allowed more. */
  | { readonly kind: 'forbidden'; readonly why: string }

/** An ephemeral consumer of the stream, that delivers as fast as it is emptied. */
export interface Consumer {
  /** The next delivery; undefined if the signal fires before there is one. */
  next(signal: AbortSignal): Promise<Delivery | undefined>
  /** Deletes it on the server. Never fails: what can't be deleted ends by itself. */
  delete(): Promise<void>
}

const MAX_WAITING_MSGS = 512
const PULL_MSGS = 256
const MIN_PULL_BYTES = 8_388_608
const PULL_EXPIRES_MS = 30_000
const HEARTBEAT_MS = 2_000
/** Two heartbeats may be lost or late; then the consumer is given up. */
const SILENCE_MS = 3 * HEARTBEAT_MS
const INACTIVE_MS = 60_000
const HEARTBEAT = 100

/** Creates a consumer of the messages on some subjects behind a position. @throws what the package throws */
export async function createConsumer(stream: Stream, subjects: readonly string[], after: number): Promise<Consumer> {
  const name = nuid.next()
  await stream.manager.consumers.add(stream.name, {
    name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    filter_subjects: [...subjects],
    inactive_threshold: nanos(INACTIVE_MS),
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
  })
  return new PullConsumer(stream, name)
}

/**
 * Pulls messages in such portions that few wait here, however slowly they are consumed. Each pull asks for heartbeats: without one in
 * time, with a gap in the deliveries or after a lost connection the consumer counts as broken.
 */
class PullConsumer implements Consumer {
  readonly #stream: Stream
  readonly #name: string
  readonly #inbox: string
  readonly #pullSubject: string
  readonly #unsubscribe: () => void
  readonly #unwatch: () => void
  #deliveries: Delivery[] = []
  #taken = 0
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** Messages that are asked for and have not come. */
  #asked = 0
  #delivered = 0
  #isBroken = false

  constructor(stream: Stream, name: string) {
    this.#stream = stream
    this.#name = name
    this.#inbox = stream.wire.newInbox()
    this.#pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${name}`
    const subscription = stream.wire.connection.subscribe(this.#inbox, {
      callback: (error, msg) => (error === null ? this.#receive(msg) : this.#break(error.message)),
    })
    this.#unsubscribe = () => subscription.unsubscribe()
    this.#unwatch = stream.wire.watch({
      onLost: (why) => this.#break(why),
      onForbidden: (subject) => {
        if (subject === this.#pullSubject) this.#break(`publishing to ${subject} is not permitted`, 'forbidden')
      },
    })
    this.#pull()
  }

  async next(signal: AbortSignal): Promise<Delivery | undefined> {
    while (this.#taken === this.#deliveries.length) {
      if (signal.aborted) return undefined
      await this.#more(signal)
    }
    const delivery = this.#deliveries[this.#taken++]
    if (this.#taken === this.#deliveries.length) {
      this.#deliveries = []
      this.#taken = 0
    }
    this.#pull()
    return delivery
  }

  async delete(): Promise<void> {
    this.#isBroken = true
    clearTimeout(this.#timer)
    this.#unwatch()
    if (this.#stream.wire.connection.isClosed()) return
    this.#unsubscribe()
    const deleting = this.#stream.manager.consumers.delete(this.#stream.name, this.#name)
    await orLost(deleting, this.#stream.wire).catch((error: unknown) => {
      this.#stream.logger?.debug({ err: error, consumer: this.#name }, 'a consumer was not deleted: it ends by itself')
    })
  }

  #more(signal: AbortSignal): Promise<void> {
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

  #pull(): void {
    const expected = this.#asked + this.#deliveries.length - this.#taken
    if (this.#isBroken || expected > MAX_WAITING_MSGS - PULL_MSGS) return
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
      this.#break(error instanceof Error ? error.message : String(error))
    }
  }

  #receive(msg: Msg): void {
    if (this.#isBroken) return
    this.#watch()
    const code = msg.headers?.code ?? 0
    if (code === HEARTBEAT) return
    if (code !== 0) return this.#endOfPull(msg, code)
    this.#asked--
    const delivered = storedMsg(msg)
    if (delivered === undefined || delivered.consumerSeq !== this.#delivered + 1) {
      return this.#break(`delivery ${delivered?.consumerSeq ?? msg.reply} came where ${this.#delivered + 1} was due`)
    }
    this.#delivered = delivered.consumerSeq
    this.#deliver({ kind: 'msg', msg: delivered.msg })
  }

  /** A pull is over: expired, or full by its bytes. What it did not deliver is asked for again. */
  #endOfPull(msg: Msg, code: number): void {
    const left = Number(msg.headers?.get('Nats-Pending-Messages') ?? '')
    if ((code !== 408 && code !== 409) || !(left > 0)) return this.#break(msg.headers?.status ?? String(code))
    this.#asked -= left
    this.#pull()
  }

  #break(why: string, kind: 'broken' | 'forbidden' = 'broken'): void {
    if (this.#isBroken) return
    this.#isBroken = true
    clearTimeout(this.#timer)
    this.#deliver({ kind, why })
  }

  #deliver(delivery: Delivery): void {
    this.#deliveries.push(delivery)
    this.#wake?.()
  }

  /** Heartbeats come while a pull is open only. */
  #watch(): void {
    if (this.#timer !== undefined) return void this.#timer.refresh()
    this.#timer = setTimeout(() => {
      if (this.#asked > 0) this.#break(`nothing was heard of it for ${SILENCE_MS} ms`)
    }, SILENCE_MS)
  }
}

interface Delivered {
  readonly msg: StoredMsg
  readonly consumerSeq: number
}

/** The subject to acknowledge to tells where a message stands: `$JS.ACK.[domain.account.]stream.consumer.count.seq.consumerSeq.time.pending[.…]`. */
function storedMsg(msg: Msg): Delivered | undefined {
  const tokens = msg.reply?.split('.') ?? []
  const at = tokens.length > 9 ? 7 : 5
  const [seq, consumerSeq] = [Number(tokens[at]), Number(tokens[at + 1])]
  const time = tokens[at + 2]
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(consumerSeq) || time === undefined) return undefined
  return {
    consumerSeq,
    msg: {
      subject: msg.subject,
      seq,
      time: new Date(Number(time.slice(0, -6))),
      headers: fieldsOf(msg),
      data: msg.data,
    },
  }
}
