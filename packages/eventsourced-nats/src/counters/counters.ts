import { checkJetStream } from '../config/jetstream.js'
import { NEEDED_BY_COUNTERS, checkServerVersion } from '../config/server-version.js'
import { connected } from '../config/connection-config.js'
import { OpenReads } from '../evt-log/read/open-reads.js'
import type { Json } from '../wire/json.js'
import { openWire } from '../wire/wire.js'
import { Work } from '../wire/work.js'
import type { JetStreamManager, NatsConnection } from 'nats'
import { newAdd } from './add/add.js'
import { publish } from './add/publish.js'
import {
  checkConfig,
  type CheckedOptions,
  checkOptions,
  checkStream,
  type CountersConfig,
  type CountersOptions,
} from './config.js'
import type { CounterEntry } from './counter-entry.js'
import { CounterError, failingAs, invalidInput } from './counter-error.js'
import { type CounterStream, listening } from './counter-stream.js'
import { checkDelta } from './delta.js'
import { messageId } from './message-id.js'
import { checkCounter, createStream, findStream, warnOfLosses } from './open-stream.js'
import { lastEntry } from './read/last-entry.js'
import { matching } from './read/matching.js'
import { watch } from './read/watch.js'
import { checkFilters, checkSubject, overlap } from './subjects.js'

/** How to add. */
export interface AddOptions {
  /**
   * Names this add among all to this counter, so that the same add may be made again, by another process too: with the same id it counts once within
   * the stream's duplicate window, and answers with the value after it. 1 to 128 printable ASCII characters.
   */
  readonly id?: string
}

/** How to read several counters. */
export interface ReadOptions {
  /** Ends the read: it then throws the signal's reason. */
  readonly signal?: AbortSignal
}

/** How to watch. */
export interface WatchOptions extends ReadOptions {
  /** Gives what was added behind that sequence, as far as it is kept; without it what is added from the first item asked for on. */
  readonly after?: number
}

/**
 * Distributed counters on a JetStream stream: each subject is one, of unlimited size, and the server adds. Numbers come back as `bigint`; where one is
 * given, a `number` will do if it is a safe integer.
 *
 * All that fails, fails with a {@link CounterError}.
 *
 * @example
 * const counters = await Counters.create(connection, { stream: 'COUNTERS', subjects: ['counters.>'] })
 * const visits = await counters.increment('counters.visits')
 */
export class Counters {
  readonly #stream: CounterStream
  readonly #reads = new OpenReads(() => this.#refuseIfClosed(), closedError)
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(stream: CounterStream) {
    this.#stream = stream
  }

  /**
   * Opens the counters of a stream that exists. The connection is used, and never closed.
   *
   * @throws {CounterError} `COUNTER_NOT_ENABLED`, `DIRECT_ACCESS_REQUIRED`; `STREAM` if it is missing or the server can't be asked;
   * `INVALID_INPUT` for wrong arguments and a server that is too old
   */
  static async open(connection: NatsConnection, stream: string, options: CountersOptions = {}): Promise<Counters> {
    return failingAs('STREAM', async () => {
      const checked = checkOptions(options)
      const name = checkStream('stream', stream)
      return Counters.#open(connection, name, checked, (manager) => findStream(manager, name))
    })
  }

  /**
   * Opens the counters of a stream, and creates it if it is missing. One that is there with the same subjects and sources is taken as it is.
   *
   * @throws {CounterError} as `open` does; `STREAM` also if it counts something else, or can't be created
   */
  static async create(connection: NatsConnection, config: CountersConfig): Promise<Counters> {
    return failingAs('STREAM', async () => {
      const checked = checkConfig(config)
      return Counters.#open(connection, config.stream, checked, (manager) => createStream(manager, config))
    })
  }

  static async #open(
    given: NatsConnection,
    name: string,
    { replyTimeout, timeout: timeoutMs, inboxPrefix, logger }: CheckedOptions,
    settingsOf: (manager: JetStreamManager) => Promise<Json>,
  ): Promise<Counters> {
    const { connection } = await connected({ connection: given }, inboxPrefix)
    checkServerVersion(connection, NEEDED_BY_COUNTERS)
    const manager = await checkJetStream(connection, replyTimeout)
    const settings = await settingsOf(manager)
    checkCounter(name, settings)
    warnOfLosses(name, settings, replyTimeout, logger)
    const wire = openWire(connection, { replyTimeoutMs: replyTimeout, inboxPrefix, logger })
    return new Counters({ name, manager, wire, timeoutMs, logger, listensOn: listening(settings) })
  }

  /** The name of the stream. */
  get stream(): string {
    return this.#stream.name
  }

  /**
   * Adds to a counter, which is created by that, and answers with its value after this add. An answer of the server that is lost is asked for again,
   * and never makes the add count twice.
   *
   * @throws {CounterError} `INVALID_INPUT` at once for a number that isn't a safe integer, for wildcards, for a subject of another stream;
   * `PUBLISH` if it is not counted, `UNCERTAIN` if it may be
   */
  async add(subject: string, delta: bigint | number, { id }: AddOptions = {}): Promise<bigint> {
    this.#refuseIfClosed()
    const name = checkSubject(subject)
    const add = newAdd(name, checkDelta(delta), messageId(this.#stream.name, name, id))
    return this.#work.do(() => publish(this.#stream, add))
  }

  /** Adds one. */
  async increment(subject: string, options?: AddOptions): Promise<bigint> {
    return this.add(subject, 1n, options)
  }

  /** Takes one away. */
  async decrement(subject: string, options?: AddOptions): Promise<bigint> {
    return this.add(subject, -1n, options)
  }

  /**
   * Sets a counter back to 0, by adding the negative of its value, so that the streams that it is sourced into follow. Answers with what was taken away.
   *
   * What others add meanwhile stays. But two resets at once may both take away the same: let one process reset a counter.
   *
   * @throws {CounterError} `NO_COUNTER_FOR_SUBJECT`, and as `add` does
   */
  async reset(subject: string): Promise<bigint> {
    const value = await this.load(subject)
    if (value !== 0n) await this.add(subject, -value)
    return value
  }

  /**
   * A counter's value, as the stream's leader has it.
   *
   * @throws {CounterError} `NO_COUNTER_FOR_SUBJECT` if nothing was ever added to it
   */
  async load(subject: string): Promise<bigint> {
    return (await this.get(subject)).value
  }

  /**
   * A counter with its last add and what each source has contributed, as the stream's leader has it.
   *
   * @throws {CounterError} `NO_COUNTER_FOR_SUBJECT` if nothing was ever added to it
   */
  async get(subject: string): Promise<CounterEntry> {
    this.#refuseIfClosed()
    const name = checkSubject(subject)
    return this.#work.do(() => lastEntry(this.#stream, name))
  }

  /**
   * The counters on some subjects, or on all that match where these have wildcards, each once, in no particular order. Subjects that
   * nothing was ever added on are passed over. Any replica or mirror answers: unlike `get`, this may be older than what was acknowledged.
   *
   * @throws {CounterError} `INVALID_INPUT` at once if a subject is empty, or none is given
   * @example
   * for await (const { subject, value } of counters.getMultiple(['counters.visits', 'counters.orders.>'])) …
   */
  getMultiple(subjects: string | readonly string[], { signal }: ReadOptions = {}): AsyncIterable<CounterEntry> {
    this.#refuseIfClosed()
    const filters = checkFilters('subjects', subjects)
    return this.#reads.iterate(signal, (stopping) => matching(this.#stream, filters, stopping))
  }

  /**
   * Each add to the counters that match, with the value after it, in the stream's order, for ever: over restarts of the server and lost connections, none missed
   * and none repeated. Where the stream keeps few adds of a counter, those removed before they were read are passed over.
   *
   * @throws {CounterError} `INVALID_INPUT` at once if a subject is empty, none is given, or two overlap
   * @example
   * for await (const { subject, value, increment } of counters.watch('counters.>', { signal })) …
   */
  watch(subjects: string | readonly string[], { after, signal }: WatchOptions = {}): AsyncIterable<CounterEntry> {
    this.#refuseIfClosed()
    const filters = checkFilters('subjects', subjects)
    const twice = filters.find((filter, index) => filters.slice(0, index).some((other) => overlap(filter, other)))
    if (twice !== undefined) throw invalidInput('subjects', twice, 'subjects that do not overlap')
    if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0)) {
      throw invalidInput('after', after, 'the sequence of an entry')
    }
    return this.#reads.iterate(signal, (stopping) => watch(this.#stream, filters, after, stopping))
  }

  /** Ends reads, finishes what was accepted, refuses what comes later. The connection stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#reads.close()
    await this.#work.finished()
    this.#stream.wire.close()
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw closedError()
  }
}

function closedError(): CounterError {
  return new CounterError('CLOSED', 'the counters are closed: open them anew')
}
