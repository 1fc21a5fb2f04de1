import type { Received } from './header-block.js'
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
const ZERO = 48
const CLOSING = 125

/** Understands the answer to a publish. `stream` is the one that must have answered. */
export function pubReply(stream: string, reply: Reply): PubReply {
  if (reply.kind !== 'msg') return reply
  // Of a single message nothing else follows; all other answers are read with care.
  const seq = plainSeq(stream, reply.msg.data)
  return seq === undefined ? parsedPubReply(stream, textOf(reply.msg)) : { kind: 'stored', seq, count: 1 }
}

/** The sequence in an answer that says nothing else but the stream's name. */
function plainSeq(stream: string, bytes: Uint8Array): number | undefined {
  const end = bytes.byteLength - 1
  let at = 0
  for (const part of [STREAM, stream, SEQ]) {
    for (let index = 0; index < part.length; index++) if (bytes[at++] !== part.charCodeAt(index)) return undefined
  }
  let seq = 0
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return undefined
    seq = seq * 10 + digit
  }
  return bytes[end] === CLOSING && seq > 0 && Number.isSafeInteger(seq) ? seq : undefined
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

export function textOf({ data }: Received): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
}
