import type { Logger } from 'pino'
import { checkInboxPrefix, checkTimes } from '../config/evt-log-config.js'
import { checkCount, checkFields, isFields } from '../config/fields.js'
import { invalidInput } from './counter-error.js'
import { checkFilters } from './subjects.js'

/** How to work with counters. All times are in milliseconds. */
export interface CountersOptions {
  /** How long an answer of the server may take before it counts as lost and is asked for again; 5,000 by default. */
  readonly replyTimeout?: number
  /** How long something is tried again before it fails; 15,000 by default. */
  readonly timeout?: number
  /** What the subjects for replies begin with, where permissions ask for one; `_INBOX` by default. */
  readonly inboxPrefix?: string
  readonly logger?: Logger
}

/** A stream whose counters are added up in another one. */
export interface CounterSource {
  readonly stream: string
  /**
   * Which of its counters count for which ones here, as the server maps subjects: `{ 'eu.>': 'global.>' }`. Without it all do, each for one of the
   * same name.
   */
  readonly subjects?: Readonly<Record<string, string>>
  /** The JetStream domain it lives in, if that is another one. */
  readonly domain?: string
}

/** A stream of counters to create. It needs subjects, sources, or both. */
export interface CountersConfig extends CountersOptions {
  readonly stream: string
  /** The subjects on which it counts: each that matches is a counter of its own. */
  readonly subjects?: readonly string[]
  /** The streams whose counters it adds up. */
  readonly sources?: readonly CounterSource[]
  /** On how many servers the stream is stored, 1 to 5; 1 by default. Three survive the loss of one. */
  readonly replicas?: number
  /** For how long the server knows an add again by its id; 120,000 by default, as the server has it. */
  readonly duplicateWindow?: number
  /**
   * How many adds are kept of each counter; all by default. A counter's value never needs more than the last. But a server that
   * restarts knows again only the ids of adds that it has kept: keep more than come within `duplicateWindow`, or lost answers end as `UNCERTAIN`.
   */
  readonly history?: number
}

export type CheckedOptions = Required<Omit<CountersOptions, 'inboxPrefix' | 'logger'>> & {
  readonly inboxPrefix: string | undefined
  readonly logger: Logger | undefined
}

const OPTIONS = ['replyTimeout', 'timeout', 'inboxPrefix', 'logger']
const FIELDS = ['stream', 'subjects', 'sources', 'replicas', 'duplicateWindow', 'history', ...OPTIONS]
const MAX_WINDOW_MS = 86_400_000

/** @throws {InvalidInputError} naming the field */
export function checkOptions(options: CountersOptions, known: readonly string[] = OPTIONS): CheckedOptions {
  if (!isFields(options)) throw invalidInput('options', options, 'an object')
  checkFields('', options, known)
  return { ...checkTimes(options), inboxPrefix: checkInboxPrefix(options.inboxPrefix), logger: options.logger }
}

/** @throws {InvalidInputError | CounterError} naming the field */
export function checkConfig(config: CountersConfig): CheckedOptions {
  const options = checkOptions(config, FIELDS)
  const { subjects = [], sources = [], replicas = 1, duplicateWindow, history } = config
  checkStream('stream', config.stream)
  if (subjects.length > 0) checkFilters('subjects', subjects)
  const isList: boolean = Array.isArray(sources)
  if (!isList) throw invalidInput('sources', sources, 'a list of streams to add up')
  for (const [index, source] of sources.entries()) checkSource(`sources[${index}]`, source)
  if (subjects.length === 0 && sources.length === 0) {
    throw invalidInput('subjects', subjects, 'at least one subject to count on, or sources to add up')
  }
  checkCount('replicas', replicas, 1, 5)
  if (duplicateWindow !== undefined) checkCount('duplicateWindow', duplicateWindow, 100, MAX_WINDOW_MS)
  if (history !== undefined) checkCount('history', history, 1, Number.MAX_SAFE_INTEGER)
  return options
}

/** The name of a stream that may be somebody else's: whatever the server takes for one. */
export function checkStream(field: string, stream: unknown): string {
  if (typeof stream === 'string' && /^[^\s.*>/\\]{1,255}$/.test(stream)) return stream
  throw invalidInput(field, stream, "a stream's name: no spaces, dots, wildcards or slashes")
}

function checkSource(field: string, source: CounterSource): void {
  if (!isFields(source)) throw invalidInput(field, source, 'an object with the name of a stream')
  checkFields(field, source, ['stream', 'subjects', 'domain'])
  checkStream(`${field}.stream`, source.stream)
  if (source.domain !== undefined) checkStream(`${field}.domain`, source.domain)
  if (source.subjects === undefined) return
  if (!isFields(source.subjects)) throw invalidInput(`${field}.subjects`, source.subjects, 'subjects by subject')
  checkFilters(`${field}.subjects`, Object.keys(source.subjects))
}
