import type { JetStreamManager } from 'nats'
import { RefusedError, UnavailableError } from 'eventsourced'
import { requestError } from '../errors/codes.js'
import { apiErrorOf, textOf } from '../wire/ack.js'
import { backOff } from '../wire/back-off.js'
import { parseHeaders } from '../wire/header-block.js'
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

/**
 * The last message of a subject, which is known to be at `atLeast` or behind. A leader that was cut off answers for some seconds as if it
 * still were one, with what it had: such answers are asked for again. After the stream's timeout an older one is taken for what it
 * says: then the stream has lost messages.
 *
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function lastMsg(
  stream: Stream,
  subject: string,
  atLeast: number,
  signal?: AbortSignal,
): Promise<StoredMsg | undefined> {
  const deadline = performance.now() + stream.timeoutMs
  for (let attempt = 0; ; attempt++) {
    const msg = await leaderMsg(stream, { last_by_subj: subject }, signal)
    const seq = msg?.seq ?? 0
    if (seq >= atLeast || performance.now() >= deadline) return msg
    stream.logger?.warn({ subject, seq, atLeast }, 'an answer older than what was acknowledged: asking again')
    await backOff(attempt, signal)
  }
}

function storedMsg(message: Json): StoredMsg {
  return {
    subject: stringAt(message, 'subject') ?? '',
    seq: numberAt(message, 'seq') ?? 0,
    time: new Date(stringAt(message, 'time') ?? 0),
    headers: parseHeaders(Buffer.from(stringAt(message, 'hdrs') ?? '', 'base64').toString('latin1')),
    data: Buffer.from(stringAt(message, 'data') ?? '', 'base64'),
  }
}
