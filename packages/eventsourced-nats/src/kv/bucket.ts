import { EventSourcedError, RefusedError, UnavailableError } from 'eventsourced'
import { nuid } from 'nats'
import { type Outcome, outcomeOf } from '../evt-log/persist/outcome.js'
import type { StoredMsg } from '../evt-log/stored-msg.js'
import { leaderInfo, leaderMsg, type Stream } from '../evt-log/stream.js'
import { pubReply } from '../wire/ack.js'
import { byPackage } from '../wire/by-package.js'
import { persistently } from '../wire/persistently.js'
import type { OutMsg } from '../wire/outbox.js'

/** A key-value bucket, as the stream that it is. */
export interface Bucket {
  readonly name: string
  readonly stream: Stream
}

/** A value to be put under a key. */
export interface Put {
  readonly key: string
  readonly data: Uint8Array
  /** What it is, for whom it is refused as too large. */
  readonly what: string
  /** After how many seconds the server removes it; never if undefined. */
  readonly ttl?: number | undefined
}

/** How many values can be put as one: so many messages the server takes in a batch. */
export const MAX_PUTS = 1_000

export function subjectOf({ name }: Bucket, key: string): string {
  return `$KV.${name}.${key}`
}

/**
 * Reads what stands under a key from the stream's leader: undefined if nothing does. What another client has marked as deleted has no data.
 *
 * @throws {UnavailableError | RefusedError}
 */
export function read(bucket: Bucket, key: string): Promise<StoredMsg | undefined> {
  return leaderMsg(bucket.stream, { last_by_subj: subjectOf(bucket, key) })
}

/**
 * The keys that there are, and the revision of the bucket at that moment, as the stream's leader knows them. One that is new may take a moment: an answer
 * from before the revision `atLeast` is asked for again.
 *
 * @param pattern a key with wildcards
 * @throws {UnavailableError | RefusedError}
 */
export async function look(
  bucket: Bucket,
  pattern: string,
  atLeast = 0,
): Promise<{ readonly keys: readonly string[]; readonly revision: number }> {
  const { name, stream } = bucket
  const what = `reading the keys ${pattern} of the bucket ${name}`
  return persistently(stream, what, undefined, async () => {
    const { state } = await leaderInfo(stream, what, { subjects_filter: subjectOf(bucket, pattern) })
    if (state.last_seq < atLeast) throw new UnavailableError(`${what}: an answer older than what was acknowledged`)
    const prefix = subjectOf(bucket, '').length
    return { keys: Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix)), revision: state.last_seq }
  })
}

/** Removes keys, as if they had never been: those with a revision up to `upTo`, all by default. @throws {UnavailableError | RefusedError} */
export async function purge(bucket: Bucket, pattern: string, upTo?: number): Promise<void> {
  const { name, stream } = bucket
  const what = `purging ${pattern} in the bucket ${name}`
  const filter = subjectOf(bucket, pattern)
  const options = upTo === undefined ? { filter } : { filter, seq: upTo + 1 }
  await persistently(stream, what, undefined, () =>
    byPackage(stream.wire, what, () => stream.manager.streams.purge(stream.name, options)),
  )
}

/**
 * Puts a value if what stands under its key still has the revision given, 0 if nothing may, and others along with it: all of them or none. Sends it once.
 *
 * @returns the first one's new revision; undefined if another was first
 * @throws {UnavailableError} if it is not stored, or may be
 * @throws {RefusedError} if it never will be
 */
export async function swap(
  bucket: Bucket,
  put: Put,
  revision: number,
  along: readonly Put[] = [],
): Promise<number | undefined> {
  const what = `writing ${put.key} to the bucket ${bucket.name}`
  const outcome = await trySwap(bucket, [put, ...along], revision)
  switch (outcome.kind) {
    case 'stored':
      return outcome.lastSeq - along.length
    case 'conflict':
      return undefined
    case 'not-stored':
      throw new UnavailableError(`${what}: ${outcome.why}`)
    case 'unknown':
      throw new UnavailableError(`${what}: whether it is stored is unknown: ${outcome.why}`)
    case 'refused':
      throw new RefusedError(outcome.error.reason, `${what}: ${outcome.error.message}`, { cause: outcome.error })
  }
}

/** The same, where it matters that it may be stored. @throws {RefusedError} before it is sent, if it is too large */
export async function trySwap(bucket: Bucket, puts: readonly Put[], revision: number): Promise<Outcome> {
  const msgs = outMsgs(bucket, puts, revision)
  return outcomeOf(pubReply(bucket.stream.name, await send(bucket.stream, msgs)), msgs.length)
}

function send({ wire }: Stream, msgs: readonly OutMsg[]) {
  const last = msgs.at(-1)
  if (last === undefined) throw new EventSourcedError('INVALID_INPUT', 'nothing to put')
  if (msgs.length === 1) return wire.request(last)
  const request = wire.requestInParts(msgs)
  for (const msg of msgs.slice(0, -1)) request.put(msg)
  request.end(last)
  return request.reply
}

/** The messages, checked; several are an atomic batch, of which the first alone is fenced. */
function outMsgs(bucket: Bucket, puts: readonly Put[], revision: number): readonly OutMsg[] {
  if (puts.length > MAX_PUTS) {
    const most = `${MAX_PUTS - 1} events can be parked by one move`
    throw new RefusedError('too-large', `${puts[0]?.what}: ${most}, and not ${puts.length - 1}: set maxEvts lower`)
  }
  const { maxPayload } = bucket.stream.wire
  const batch = nuid.next()
  return puts.map(({ key, data, what, ttl }, index) => {
    const isLast = index === puts.length - 1
    const lines = [
      ...(index === 0 ? [`Nats-Expected-Last-Subject-Sequence: ${revision}`] : []),
      ...(ttl === undefined ? [] : [`Nats-TTL: ${ttl}s`]),
      ...(puts.length === 1 ? [] : [`Nats-Batch-Id: ${batch}`, `Nats-Batch-Sequence: ${index + 1}`]),
      ...(puts.length > 1 && isLast ? ['Nats-Batch-Commit: 1'] : []),
    ]
    const header = `NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n`
    if (header.length + data.byteLength > maxPayload) {
      const limit = `must fit ${maxPayload} with its headers, the server's max_payload or the bucket's max_msg_size`
      throw new RefusedError('too-large', `${what}, ${data.byteLength} bytes as it is kept, is too large: it ${limit}`)
    }
    return { subject: subjectOf(bucket, key), header, payload: data }
  })
}
