import { apiErrorOf } from '../wire/ack.js'
import { wordsOf } from '../errors/codes.js'
import { isJson, type Json } from '../wire/json.js'
import { CounterError } from './counter-error.js'

/** The header that says how much a message adds: a whole number in base 10, the sign optional. */
export const COUNTER_INCREMENT_HEADER = 'Nats-Incr'
/** The header that tells what each stream that a counter is sourced from has contributed. */
export const COUNTER_SOURCES_HEADER = 'Nats-Counter-Sources'

/** What was contributed: by source stream, then by the subject of the counter there. */
export type CounterSources = ReadonlyMap<string, ReadonlyMap<string, bigint>>

/** How the server acknowledged an add. */
export interface CounterAck {
  readonly stream: string
  /** Where in the stream the add is stored. */
  readonly seq: number
  /** Whether an add with the same message id had been stored already; this one then counts nothing. */
  readonly duplicate: boolean
  /** The counter's value after the add. A server tells none with a duplicate. */
  readonly value: bigint | undefined
}

const WHOLE_NUMBER = /^[+-]?\d+$/

/**
 * The value in a counter's message, `{"val":"15"}`.
 *
 * @throws {CounterError} `SERIALIZATION` if it is no JSON, `INVALID_COUNTER_VALUE` if it holds no whole number
 */
export function parseCounterValue(body: string | Uint8Array): bigint {
  const value = parseWhole(jsonOf(body)['val'])
  if (value === undefined) throw new CounterError('INVALID_COUNTER_VALUE', `no counter's value: ${shown(body)}`)
  return value
}

/**
 * The acknowledgement of an add, `{"stream":"COUNTERS","seq":7,"val":"15"}`.
 *
 * @throws {CounterError} `SERIALIZATION` if it is no JSON or no acknowledgement, `MISSING_RESPONSE_VALUE` if it has no value
 * and is no duplicate's, `INVALID_RESPONSE_VALUE` if that is no whole number, `PUBLISH` if it tells of an error
 */
export function parseCounterAck(body: string | Uint8Array): CounterAck {
  return ackOf(jsonOf(body))
}

/** The acknowledgement in JSON that is parsed already. */
export function ackOf(json: Json): CounterAck {
  const { stream, seq, val } = json
  if (typeof stream !== 'string' || typeof seq !== 'number') {
    const error = apiErrorOf(json)
    if (error !== undefined) throw new CounterError('PUBLISH', wordsOf(error))
    throw new CounterError('SERIALIZATION', `no acknowledgement: ${shown(JSON.stringify(json))}`)
  }
  const duplicate = json['duplicate'] === true
  const value = parseWhole(val)
  const counted = `the stream ${stream} counted an add, and answered`
  if (val === undefined && !duplicate) throw new CounterError('MISSING_RESPONSE_VALUE', `${counted} without its value`)
  if (val !== undefined && value === undefined) {
    throw new CounterError('INVALID_RESPONSE_VALUE', `${counted} with ${shown(val)}`)
  }
  return { stream, seq, duplicate, value }
}

/**
 * The contributions in a `Nats-Counter-Sources` header, `{"EU":{"eu.visits":"100"}}`; none without one.
 *
 * @throws {CounterError} `INVALID_SOURCES`
 */
export function parseCounterSources(header: string | undefined): CounterSources {
  const sources = new Map<string, ReadonlyMap<string, bigint>>()
  if (header === undefined) return sources
  for (const [stream, subjects] of fieldsOf(tryParse(header), header)) {
    const contributions = new Map<string, bigint>()
    for (const [subject, text] of fieldsOf(subjects, header)) {
      const value = parseWhole(text)
      if (value === undefined) throw invalidSources(header)
      contributions.set(subject, value)
    }
    sources.set(stream, contributions)
  }
  return sources
}

/**
 * What a `Nats-Incr` header adds.
 *
 * @throws {CounterError} `INVALID_COUNTER_VALUE` if there is none, or it is no whole number
 */
export function parseCounterIncrement(header: string | undefined): bigint {
  const increment = parseWhole(header)
  if (increment === undefined) throw new CounterError('INVALID_COUNTER_VALUE', `no increment: ${shown(header)}`)
  return increment
}

function parseWhole(text: unknown): bigint | undefined {
  return typeof text === 'string' && WHOLE_NUMBER.test(text) ? BigInt(text) : undefined
}

function fieldsOf(value: unknown, header: string): [string, unknown][] {
  if (!isJson(value) || Array.isArray(value)) throw invalidSources(header)
  return Object.entries(value)
}

function invalidSources(header: string): CounterError {
  return new CounterError('INVALID_SOURCES', `no contributions of sources: ${shown(header)}`)
}

function jsonOf(body: string | Uint8Array): Json {
  const json = tryParse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8'))
  if (!isJson(json)) throw new CounterError('SERIALIZATION', `no JSON object: ${shown(body)}`)
  return json
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SHOWN_CHARS = 100

function shown(value: unknown): string {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text
}
