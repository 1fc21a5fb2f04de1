import { RefusedError, UnavailableError, UncertainError } from 'eventsourced'
import { meaningOf, requestError } from '../errors/codes.js'
import { leaderMsg, type Stream } from '../evt-log/stream.js'
import { pubReply } from '../wire/ack.js'

/** The bucket, as the stream that it is. */
export interface Bucket {
  readonly name: string
  readonly stream: Stream
  /** Whether several servers have it, of which some may be behind. */
  readonly isReplicated: boolean
}

/** What stands under a key. */
export interface Entry {
  /** 0 if there is nothing. */
  readonly revision: number
  readonly data: Uint8Array
  /** When the server stored it, in milliseconds since 1970. */
  readonly time: number
}

/** A value to be put under a key. */
export interface Put {
  readonly key: string
  readonly data: Uint8Array
  /** The revision that it is to replace. */
  readonly revision: number
  /** After how many milliseconds the server removes it; never if undefined. */
  readonly ttl?: number | undefined
}

const NOTHING: Entry = { revision: 0, data: new Uint8Array(0), time: 0 }

/** Reads a key from the stream's leader, so that what others were told is never missed. @throws {UnavailableError | RefusedError} */
export async function read({ name, stream }: Bucket, key: string): Promise<Entry> {
  const msg = await leaderMsg(stream, { last_by_subj: `$KV.${name}.${key}` })
  return msg === undefined ? NOTHING : { revision: msg.seq, data: msg.data, time: msg.time.getTime() }
}

/**
 * Puts a value if the revision is still the expected one, and answers with the new revision; with undefined if another was first.
 *
 * @throws {UncertainError} if it may be stored
 * @throws {UnavailableError | RefusedError} if it is not
 */
export async function compareAndSwap({ name, stream }: Bucket, put: Put): Promise<number | undefined> {
  const { key, data, revision, ttl } = put
  const what = `writing ${key} to the bucket ${name}`
  const expiry = ttl === undefined ? '' : `Nats-TTL: ${Math.max(1, Math.ceil(ttl / 1_000))}s\r\n`
  const header = `NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: ${revision}\r\n${expiry}\r\n`
  const { wire } = stream
  if (header.length + data.byteLength > wire.maxPayload) {
    const size = `${data.byteLength} bytes must fit the server's max_payload of ${wire.maxPayload} with their headers`
    throw new RefusedError('too-large', `${what}: ${size}; it has too many instances`)
  }
  const reply = await wire.request({ subject: `$KV.${name}.${key}`, header, payload: data })
  const answer = pubReply(stream.name, reply)
  switch (answer.kind) {
    case 'stored':
      return answer.seq
    case 'error':
      if (meaningOf(answer) === 'conflict') return undefined
      throw requestError(what, answer)
    case 'lost':
      throw new UncertainError(`${what}: ${answer.why}`)
    case 'forbidden':
      throw new RefusedError('forbidden', `${what}: ${answer.why}`)
    case 'not-sent':
      throw new UnavailableError(`${what}: ${answer.why}`)
    case 'no-responders':
      throw new UnavailableError(`${what}: JetStream does not answer`)
  }
}
