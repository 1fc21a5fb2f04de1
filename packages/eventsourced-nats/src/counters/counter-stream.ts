import { RefusedError, UnavailableError } from 'eventsourced'
import { requestError } from '../errors/codes.js'
import type { Stream } from '../evt-log/stream.js'
import { apiErrorOf, textOf } from '../wire/ack.js'
import { isJson, type Json, numberAt, parseJson } from '../wire/json.js'
import { persistently } from '../wire/persistently.js'
import { failingAs } from './counter-error.js'
import { matcherOf } from './subjects.js'

/** What all parts of the counters share. */
export interface CounterStream extends Stream {
  /** Whether the stream listened on a subject when its settings were last read. */
  listensOn: (subject: string) => boolean
}

/** What may be asked about a stream beside its settings: a page of the subjects that match a filter. */
export interface InfoQuery {
  readonly subjects_filter?: string
  readonly offset?: number
}

/**
 * Asks for the stream's settings and state as they are now.
 *
 * @throws {CounterError} `REQUEST`, or the signal's reason
 */
export async function streamInfo(stream: CounterStream, query: InfoQuery, signal?: AbortSignal): Promise<Json> {
  const subject = `$JS.API.STREAM.INFO.${stream.name}`
  const what = `asking about the stream ${stream.name}`
  const payload = Buffer.from(JSON.stringify(query))
  const ask = async () => {
    const reply = await stream.wire.request({ subject, header: '', payload })
    if (reply.kind === 'no-responders') throw new UnavailableError(`${what}: JetStream does not answer`)
    if (reply.kind === 'forbidden') throw new RefusedError('forbidden', `${what}: ${reply.why}`)
    if (reply.kind !== 'msg') throw new UnavailableError(`${what}: ${reply.why}`)
    const info = parseJson(textOf(reply.msg))
    const error = apiErrorOf(info)
    if (error !== undefined) throw requestError(what, error)
    stream.listensOn = listening(at(info, 'config'))
    return info
  }
  return failingAs('REQUEST', () => persistently(stream, what, signal, ask), signal)
}

/** On which subjects a stream with these settings listens. */
export function listening(config: Json): (subject: string) => boolean {
  const { subjects } = config
  const filters = Array.isArray(subjects) ? subjects.map(String) : []
  return filters.length === 0 ? () => false : matcherOf(filters)
}

/** The object in a field; an empty one if there is none. */
export function at(json: Json, field: string): Json {
  const value = json[field]
  return isJson(value) ? value : {}
}

/** A limit as the server has it; infinite where there is none. */
export function limitAt(config: Json, field: string): number {
  const limit = numberAt(config, field) ?? -1
  return limit > 0 ? limit : Infinity
}
