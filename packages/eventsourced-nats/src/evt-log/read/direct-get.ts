import type { Msg } from 'nats'
import { RefusedError, UnavailableError } from 'eventsourced'
import { fieldsOf } from '../../wire/header-block.js'
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
const MAX_PAGE_BYTES = 2_097_152
const NO_HEADER = new Uint8Array(0)
const END_OF_BATCH = 204
const NOT_FOUND = 404

/**
 * Reads a page by a batched direct get. Any replica answers it, so it may be behind what is acknowledged.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function directGet(stream: Stream, query: DirectGet, signal?: AbortSignal): Promise<Page> {
  return persistently(stream, `reading ${query.subject}`, signal, () => getPage(stream, query))
}

async function getPage({ name, wire }: Stream, { subject, seq, maxMsgs }: DirectGet): Promise<Page> {
  const request = { next_by_subj: subject, seq, batch: maxMsgs, max_bytes: MAX_PAGE_BYTES }
  const msgs: StoredMsg[] = []
  let last = 0
  const isLast = (msg: Msg) => {
    if (msg.headers !== undefined && msg.headers.code !== 0) return true
    const stored = storedMsg(msg)
    // Around a change of leader two replicas may answer: each in order, but one after and between the other.
    if (stored.seq > last) msgs.push(stored)
    last = Math.max(last, stored.seq)
    return false
  }
  const reply = await wire.requestMany(
    { subject: `$JS.API.DIRECT.GET.${name}`, header: NO_HEADER, payload: Buffer.from(JSON.stringify(request)) },
    isLast,
  )
  if (reply.kind === 'no-responders') throw new UnavailableError(`reading ${subject}: no server answers direct gets`)
  if (reply.kind === 'forbidden') throw new RefusedError('forbidden', `reading ${subject}: ${reply.why}`)
  if (reply.kind !== 'msg') throw new UnavailableError(`reading ${subject}: ${reply.why}`)
  const { headers } = reply.msg
  if (headers?.code === NOT_FOUND) return { msgs, isEnd: true }
  if (headers?.code !== END_OF_BATCH)
    throw new UnavailableError(`reading ${subject}: ${headers?.status ?? 'no status'}`)
  return { msgs, isEnd: Number(headers.get('Nats-Num-Pending')) === 0 }
}

function storedMsg({ headers, data }: Msg): StoredMsg {
  const fields = fieldsOf(headers)
  return {
    subject: fields.get('Nats-Subject') ?? '',
    seq: Number(fields.get('Nats-Sequence')),
    time: new Date(fields.get('Nats-Time-Stamp') ?? 0),
    headers: fields,
    data,
  }
}
