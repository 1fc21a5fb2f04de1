import { RefusedError, UnavailableError } from 'eventsourced'
import { fieldsOf, type Received, statusOf } from '../../wire/header-block.js'
import type { StoredMsg } from '../stored-msg.js'
import { persistently } from '../../wire/persistently.js'
import type { Stream } from '../stream.js'

/** What to read: the messages of a subject from a stream sequence on. */
export interface DirectGet {
  readonly subject: string
  readonly seq: number
  readonly maxMsgs: number
}

/** A page of messages. */
export interface Page {
  readonly msgs: readonly StoredMsg[]
  /** Whether the server that answered has no more of them. It may be behind the leader. */
  readonly isEnd: boolean
}

// There is no flow control: all of a page may come in one go.
export const MAX_PAGE_BYTES = 2_097_152
export const END_OF_BATCH = 204
export const NOT_FOUND = 404

/**
 * Reads a page by a batched direct get. Any replica answers it, so it may be behind what is acknowledged.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function directGet(stream: Stream, query: DirectGet, signal?: AbortSignal): Promise<Page> {
  return persistently(stream, `reading ${query.subject}`, signal, () => getPage(stream, query))
}

async function getPage(stream: Stream, { subject, seq, maxMsgs }: DirectGet): Promise<Page> {
  const what = `reading ${subject}`
  const request = { next_by_subj: subject, seq, batch: maxMsgs, max_bytes: MAX_PAGE_BYTES }
  const { msgs, status, left, words } = await getBatch(stream, what, request)
  if (status === NOT_FOUND) return { msgs, isEnd: true }
  if (status !== END_OF_BATCH) throw new UnavailableError(`${what}: ${words}`)
  return { msgs, isEnd: left === 0 }
}

/** What came for a batched direct get: messages, and the status behind them. */
export interface Batch {
  readonly msgs: readonly StoredMsg[]
  /** 204 at the end of the batch, 404 if nothing matches, others if the request is not to be met. */
  readonly status: number
  readonly words: string
  /** How many messages there are behind the batch. */
  readonly left: number
}

/**
 * Asks once for a batch, as the server wants to be asked.
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function getBatch({ name, wire }: Stream, what: string, request: object): Promise<Batch> {
  const msgs: StoredMsg[] = []
  let last = 0
  const onAnswer = (msg: Received) => {
    if (statusOf(msg) !== undefined) return 'nothing'
    const stored = storedMsg(msg)
    // Around a change of leader two replicas may answer: each in order, but one after and between the other.
    if (stored.seq > last) msgs.push(stored)
    last = Math.max(last, stored.seq)
    return 'more'
  }
  const reply = await wire.requestMany(
    { subject: `$JS.API.DIRECT.GET.${name}`, header: '', payload: Buffer.from(JSON.stringify(request)) },
    onAnswer,
  )
  if (reply.kind === 'no-responders') throw new UnavailableError(`${what}: no server answers direct gets`)
  if (reply.kind === 'forbidden') throw new RefusedError('forbidden', `${what}: ${reply.why}`)
  if (reply.kind !== 'msg') throw new UnavailableError(`${what}: ${reply.why}`)
  const { code: status = 0, words = 'no status' } = statusOf(reply.msg) ?? {}
  return { msgs, status, words, left: Number(fieldsOf(reply.msg).get('Nats-Num-Pending')) }
}

/** The stored message that a direct get was answered with. */
export function storedMsg(msg: Received): StoredMsg {
  const fields = fieldsOf(msg)
  return {
    subject: fields.get('Nats-Subject') ?? '',
    seq: Number(fields.get('Nats-Sequence')),
    time: new Date(fields.get('Nats-Time-Stamp') ?? 0),
    headers: fields,
    data: msg.data,
  }
}
