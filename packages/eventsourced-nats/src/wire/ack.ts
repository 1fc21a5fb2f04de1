import type { Msg } from 'nats'
import { isJson, type Json, numberAt, parseJson, stringAt } from './json.js'
import type { Reply } from './wire.js'

/** The server carried out nothing, and says why. */
export interface ApiError {
  readonly kind: 'error'
  readonly code: number
  readonly description: string
}

/** How the server answered a publish. */
export type PubReply =
  /** Stored; of a batch, `seq` is the last message's. `count` is the batch's, 1 for a single message. */
  | { readonly kind: 'stored'; readonly seq: number; readonly count: number }
  | ApiError
  | Exclude<Reply, { readonly kind: 'msg' }>

// How an answer begins.
const STREAM = '{"stream":"'
const SEQ = '","seq":'

/** Understands the answer to a publish. `stream` is the one that must have answered. */
export function pubReply(stream: string, reply: Reply): PubReply {
  if (reply.kind !== 'msg') return reply
  const text = textOf(reply.msg)
  const behind = STREAM.length + stream.length
  if (text.startsWith(STREAM) && text.startsWith(stream, STREAM.length) && text.startsWith(SEQ, behind)) {
    // Of a single message nothing else follows; all other answers are read with care.
    const seq = Number(text.slice(behind + SEQ.length, -1))
    if (Number.isSafeInteger(seq) && seq > 0) return { kind: 'stored', seq, count: 1 }
  }
  return parsedPubReply(stream, text)
}

function parsedPubReply(stream: string, text: string): PubReply {
  const ack = parseJson(text)
  const error = apiErrorOf(ack)
  if (error !== undefined) return error
  if (ack['stream'] !== stream) return { kind: 'lost', why: `an answer that is not the stream ${stream}'s: ${text}` }
  // We send no message ids, so nothing of ours can be a duplicate, and what the server calls one is not stored.
  if (ack['duplicate'] === true) return { kind: 'lost', why: 'the server took the message for a duplicate' }
  const seq = numberAt(ack, 'seq') ?? 0
  if (!Number.isSafeInteger(seq) || seq < 1)
    return { kind: 'lost', why: `an answer without a usable sequence: ${text}` }
  return { kind: 'stored', seq, count: numberAt(ack, 'count') ?? 1 }
}

/** The error in an answer of the JetStream API, if it is one. */
export function apiErrorOf(answer: Json): ApiError | undefined {
  const { error } = answer
  if (!isJson(error)) return undefined
  const code = numberAt(error, 'err_code') ?? numberAt(error, 'code') ?? 0
  return { kind: 'error', code, description: stringAt(error, 'description') ?? 'no description' }
}

export function textOf({ data }: Msg): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
}
