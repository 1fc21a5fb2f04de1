import { type JetStreamManager, millis, type StreamInfo, type StreamInfoRequestOptions } from 'nats'
import { RefusedError, UnavailableError } from 'eventsourced'
import { requestError } from '../errors/codes.js'
import { apiErrorOf, textOf } from '../wire/ack.js'
import { byPackage } from '../wire/by-package.js'
import { fieldsIn } from '../wire/header-block.js'
import { isJson, type Json, numberAt, parseJson, stringAt } from '../wire/json.js'
import { persistently, type Trying } from '../wire/persistently.js'
import type { StoredMsg } from './stored-msg.js'

/** What all parts of a log share: the stream, how to speak to it, and how long to try. */
export interface Stream extends Trying {
  readonly name: string
  readonly manager: JetStreamManager
}

/** Which message to ask the stream's leader for. */
export type MsgQuery =
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj: string }
  | { readonly seq: number }

const NO_MESSAGE_FOUND = 10037

/**
 * Asks the stream's leader for a message. (Direct gets are answered by any replica, and so may be older than what was acknowledged.)
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function leaderMsg(stream: Stream, query: MsgQuery, signal?: AbortSignal): Promise<StoredMsg | undefined> {
  const subject = `$JS.API.STREAM.MSG.GET.${stream.name}`
  const what = `reading a message of the stream ${stream.name}`
  const payload = Buffer.from(JSON.stringify(query))
  return persistently(stream, what, signal, async () => {
    const reply = await stream.wire.request({ subject, header: '', payload })
    if (reply.kind === 'no-responders') throw new UnavailableError(`${what}: JetStream does not answer`)
    if (reply.kind === 'forbidden') throw new RefusedError('forbidden', `${what}: ${reply.why}`)
    if (reply.kind !== 'msg') throw new UnavailableError(`${what}: ${reply.why}`)
    const answer = parseJson(textOf(reply.msg))
    const error = apiErrorOf(answer)
    if (error?.code === NO_MESSAGE_FOUND) return undefined
    if (error !== undefined) throw requestError(what, error)
    const { message } = answer
    if (!isJson(message)) throw new UnavailableError(`${what}: an answer without a message`)
    return storedMsg(message)
  })
}

/** How long a server waits at least, after it has heard of the leader, before it has another one elected: fixed in nats-server. */
const MIN_ELECTION_MS = 4_000

/**
 * What the stream's leader says of it, asked once. A server that is cut off from the others answers with what it had for as long as that lasts, first as a leader, then without one, and
 * so do others for a moment while the leader changes. So the answer must be of a leader that has heard of a majority lately enough: nobody else can have been elected meanwhile.
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function leaderInfo(
  { name, manager, wire }: Stream,
  what: string,
  options?: Partial<StreamInfoRequestOptions>,
): Promise<StreamInfo> {
  const info = await byPackage(wire, what, () => manager.streams.info(name, options))
  if (isOfLeader(info)) return info
  throw new UnavailableError(`${what}: no leader that is in touch with a majority of the servers answers`)
}

function isOfLeader({ cluster }: StreamInfo): boolean {
  if (cluster === undefined) return true
  const { leader = '', replicas = [] } = cluster
  const inTouch = replicas.filter(({ current, active }) => current && millis(active) < MIN_ELECTION_MS)
  return leader !== '' && 2 * (1 + inTouch.length) > 1 + replicas.length
}

function storedMsg(message: Json): StoredMsg {
  return {
    subject: stringAt(message, 'subject') ?? '',
    seq: numberAt(message, 'seq') ?? 0,
    time: new Date(stringAt(message, 'time') ?? 0),
    headers: fieldsIn(Buffer.from(stringAt(message, 'hdrs') ?? '', 'base64').toString('latin1')),
    data: Buffer.from(stringAt(message, 'data') ?? '', 'base64'),
  }
}
