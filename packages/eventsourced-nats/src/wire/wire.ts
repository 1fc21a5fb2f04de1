import { createInbox, type NatsConnection } from 'nats'
import type { Logger } from 'pino'
import { messageOf } from '../errors/message-of.js'
import type { Received } from './header-block.js'
import { tap } from './inlet.js'
import { type LinkEvents, watchLink } from './link.js'
import { openOutbox, type OutMsg } from './outbox.js'
import { type IsLast, PendingReplies, type Targets } from './pending-replies.js'

/** What came back for a request. Each calls for something else, so each is a value that the compiler asks for. */
export type Reply =
  | { readonly kind: 'msg'; readonly msg: Received }
  /** Nobody listens on the subject: the server has dropped the request. */
  | { readonly kind: 'no-responders' }
  /** The server has dropped the request, for want of permission. */
  | { readonly kind: 'forbidden'; readonly why: string }
  /** The request was not sent. */
  | { readonly kind: 'not-sent'; readonly why: string }
  /** No answer, and none will come: whether the request was carried out is unknown. */
  | { readonly kind: 'lost'; readonly why: string }

/** Whom a request is for. */
export type Target = Pick<OutMsg, 'subject'>

/** A request of several messages. They go out one by one as they are made, so that the server works at the first ones meanwhile. */
export interface PartedRequest {
  put(msg: OutMsg): void
  /** Sends the last message, which alone makes the server carry out any of it. */
  end(msg: OutMsg): void
  readonly reply: Promise<Reply>
}

/**
 * Requests over the package's connection, as fast as the connection goes: one reply inbox for all, a callback subscription and
 * header blocks encoded by hand. A request ends with its answer, with the connection, or in time: it never hangs.
 */
export interface Wire {
  /** Sends a request that has one answer. */
  request(msg: OutMsg): Promise<Reply>
  /** The same with a callback, which the call itself may call: where there are very many a promise for each costs too much. */
  send(msg: OutMsg, onReply: (reply: Reply) => void): void
  /** Begins a request of several messages, of which the last one alone is answered, for all of them. Targets may be added up to its end. */
  requestInParts(targets: readonly Target[]): PartedRequest
  /** Sends a request that has many answers: up to the last one, which is given back. */
  requestMany(msg: OutMsg, onAnswer: OnAnswer): Promise<Reply>
  /** Waits until there is a connection, up to `timeoutMs`, or until the signal fires. Answers whether there is one. */
  whenConnected(timeoutMs: number, signal?: AbortSignal): Promise<boolean>
  /** The most bytes that a message's headers and payload may have together. */
  readonly maxPayload: number
  /** The package's connection, for what the package does well. */
  readonly connection: NatsConnection
  /** Tells a watcher of what befalls the connection, until what is answered is called. */
  watch(watcher: LinkEvents): () => void
  /** A new subject for replies that are not requests'. */
  newInbox(): string
  /** Lets go of the connection without closing it. Requests under way are lost. */
  close(): void
}

export interface WireOptions {
  /** The most bytes that the stream takes as one message, as its settings say; all that the server takes where they say -1 or nothing. */
  readonly maxMsgSize?: number
  /** How long to wait for a reply before it counts as lost. */
  readonly replyTimeoutMs: number
  readonly inboxPrefix: string | undefined
  readonly logger: Logger | undefined
}

/**
 * What follows an answer: nothing, more answers, or a message that is sent with the same reply subject, so that its answers are answers of
 * this request. (For a reply subject that it has not met the server looks up who listens, which takes it some 1.5 µs.) Must not throw.
 */
type OnAnswer = (msg: Received) => 'nothing' | 'more' | OutMsg

const DEFAULT_MAX_PAYLOAD = 1_048_576

export function openWire(
  connection: NatsConnection,
  { maxMsgSize = -1, replyTimeoutMs, inboxPrefix, logger }: WireOptions,
): Wire {
  const newInbox = () => (inboxPrefix === undefined ? createInbox() : createInbox(inboxPrefix))
  const inbox = newInbox()
  const pending = new PendingReplies(replyTimeoutMs)
  const watchers = new Set<LinkEvents>([
    { onLost: (why) => pending.loseAll(why), onForbidden: (subject) => pending.forbid(subject) },
  ])
  const link = watchLink(connection, logger, {
    onLost: (why) => {
      for (const watcher of watchers) watcher.onLost(why)
    },
    onForbidden: (subject) => {
      for (const watcher of watchers) watcher.onForbidden?.(subject)
    },
    onBack: () => (untap = tapReplies()),
  })

  const maxPayload = () => {
    const { max_payload: max = DEFAULT_MAX_PAYLOAD } = connection.info ?? {}
    return maxMsgSize < 0 ? max : Math.min(max, maxMsgSize)
  }
  const outbox = openOutbox(connection)
  const onMsg = (msg: Received) => {
    pending.answer(Number(msg.subject.slice(inbox.length + 1)), msg)
    return true
  }
  const replies = connection.subscribe(`${inbox}.*`, {
    callback: (error, msg) => void (error === null ? onMsg(msg) : pending.loseAll(error.message)),
  })
  const tapReplies = () => tap(connection, replies.getID(), onMsg)
  let untap = tapReplies()

  const send = (msg: OutMsg, onReply: (reply: Reply) => void, isLast?: IsLast) => {
    const token = begin(msg.subject, onReply, isLast)
    if (token !== undefined) put(token, msg, `${inbox}.${token}`)
  }

  const requestMany = (msg: OutMsg, onAnswer: OnAnswer) => {
    const isLast = (answer: Received, token: number) => {
      const next = onAnswer(answer)
      if (typeof next === 'object') put(token, next, `${inbox}.${token}`)
      return next === 'nothing'
    }
    return new Promise<Reply>((resolve) => send(msg, resolve, isLast))
  }

  /** The token of a new request; undefined if it can't be sent. */
  const begin = (targets: Targets, onReply: (reply: Reply) => void, isLast?: IsLast) => {
    if (link.isUp()) return pending.add(targets, onReply, isLast)
    // What the package is given without a connection may or may not go out later: nobody could tell.
    onReply({ kind: 'not-sent', why: 'there is no connection to NATS' })
    return undefined
  }

  const put = (token: number, msg: OutMsg, reply: string) => {
    try {
      const size = msg.header.length + msg.payload.byteLength
      if (size > maxPayload())
        throw new Error(
          `${size} bytes are more than ${maxPayload()}, the server's max_payload or the stream's max_msg_size`,
        )
      outbox.put(msg, reply)
    } catch (error) {
      // Then nothing of it was taken.
      pending.settle(token, { kind: 'not-sent', why: messageOf(error) })
    }
  }

  const requestInParts = (targets: readonly Target[]): PartedRequest => {
    let token: number | undefined
    let isBegun = false
    const reply = new Promise<Reply>((resolve) => {
      token = begin(targets, resolve)
    })
    // Once it has failed nothing more of it is sent, least of all its end.
    const putPart = (msg: OutMsg, isLast: boolean) => {
      if (token === undefined || !pending.has(token)) return
      put(token, msg, isLast ? `${inbox}.${token}` : '')
      // The first one has the server set things up, which takes a millisecond or two: the others are made meanwhile.
      if (!isBegun) outbox.flush()
      isBegun = true
    }
    return { put: (msg) => putPart(msg, false), end: (msg) => putPart(msg, true), reply }
  }

  return {
    request: (msg) => new Promise((resolve) => send(msg, resolve)),
    send: (msg, onReply) => send(msg, onReply),
    requestInParts,
    requestMany,
    whenConnected: (timeoutMs, signal) => link.whenUp(timeoutMs, signal),
    get maxPayload() {
      return maxPayload()
    },
    connection,
    watch: (watcher) => {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    newInbox,
    close: () => {
      link.close()
      untap()
      if (!connection.isClosed()) replies.unsubscribe()
      pending.loseAll('the log is closed')
    },
  }
}
