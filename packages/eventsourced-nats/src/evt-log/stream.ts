import type { JetStreamManager } from 'nats'
import { EventSourcedError, RefusedError, UnavailableError } from 'eventsourced'
import type { Logger } from 'pino'
import { requestError } from '../errors/codes.js'
import { apiErrorOf, textOf } from '../wire/ack.js'
import { backOff } from '../wire/back-off.js'
import { parseHeaders } from '../wire/header-block.js'
import { orAborted } from '../wire/or-aborted.js'
import { isJson, type Json, numberAt, parseJson, stringAt } from '../wire/json.js'
import type { Wire } from '../wire/wire.js'
import type { StoredMsg } from './stored-msg.js'

/** What all parts of a log share: the stream, how to speak to it, and how long to try. */
export interface Stream {
  readonly name: string
  readonly wire: Wire
  readonly manager: JetStreamManager
  /** How long a request may be tried again before it fails. */
  readonly timeoutMs: number
  readonly logger: Logger | undefined
}

/** Which message to ask the stream's leader for. */
export type MsgQuery =
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj: string }
  | { readonly seq: number }

const EMPTY = new Uint8Array(0)
const NO_MESSAGE_FOUND = 10037

/**
 * Asks the stream's leader for a message, so that the answer is never older than what was acknowledged before. (Direct gets are
 * answered by any replica, and so may be.)
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function leaderMsg(stream: Stream, query: MsgQuery, signal?: AbortSignal): Promise<StoredMsg | undefined> {
  const subject = `$JS.API.STREAM.MSG.GET.${stream.name}`
  const what = `reading a message of the stream ${stream.name}`
  const payload = Buffer.from(JSON.stringify(query))
  return persistently(stream, what, signal, async () => {
    const reply = await stream.wire.request({ subject, header: EMPTY, payload })
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

function storedMsg(message: Json): StoredMsg {
  return {
    subject: stringAt(message, 'subject') ?? '',
    seq: numberAt(message, 'seq') ?? 0,
    time: new Date(stringAt(message, 'time') ?? 0),
    headers: parseHeaders(Buffer.from(stringAt(message, 'hdrs') ?? '', 'base64').toString('latin1')),
    data: Buffer.from(stringAt(message, 'data') ?? '', 'base64'),
  }
}

/**
 * Does what may be done again at will, until it succeeds or the time is over. What can't succeed is not tried again.
 *
 * @throws what `action` throws, or the signal's reason
 */
export async function persistently<Result>(
  { wire, timeoutMs, logger }: Stream,
  what: string,
  signal: AbortSignal | undefined,
  action: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    if (!(await wire.whenConnected(deadline - performance.now(), signal)) && signal?.aborted !== true) {
      throw new UnavailableError(`${what}: there is no connection to NATS`)
    }
    signal?.throwIfAborted()
    try {
      return await orAborted(action(), signal)
    } catch (error) {
      signal?.throwIfAborted()
      const isWorthIt = error instanceof EventSourcedError && error.code === 'UNAVAILABLE'
      if (!isWorthIt || performance.now() >= deadline) throw error
      logger?.debug({ err: error, attempt }, 'trying again')
      await backOff(attempt, signal)
    }
  }
}
