import {
  type Append,
  checkAppend,
  checkDeleteEvts,
  checkEvtsById,
  checkEvtsByType,
  checkKey,
  checkTypeName,
  type EntityKey,
  type EvtLog,
  type EvtsByIdOptions,
  type EvtsByTypeOptions,
  type HeadPositionOptions,
  type IdsOptions,
  type LogHead,
  type Paged,
  type Persisted,
  type PersistedEvt,
  RefusedError,
} from 'eventsourced'
import { type Connected, connected } from '../config/connection-config.js'
import { type CheckedEvtLogConfig, checkEvtLogConfig, type NatsEvtLogConfig } from '../config/evt-log-config.js'
import { checkJetStream } from '../config/jetstream.js'
import { checkServerVersion } from '../config/server-version.js'
import { openWire } from '../wire/wire.js'
import { Work } from '../wire/work.js'
import { deleteEvts } from './delete-evts.js'
import { readHead, readHeadPosition } from './head.js'
import { openStream } from './open-stream.js'
import { createPersist, type Persist } from './persist/persist.js'
import { evtsById } from './read/evts-by-id.js'
import { evtsByType } from './read/evts-by-type.js'
import { ids } from './read/ids.js'
import { OpenReads } from './read/open-reads.js'
import { RecentHeads } from './recent-heads.js'
import type { Stream } from './stream.js'
import { subjectOf } from './subject.js'

/**
 * An event log on a JetStream stream: one subject an entity, one message an event. The stream sequence is the position.
 *
 * @example
 * const evtLog = await NatsEvtLog.create({ servers: 'localhost:4222', stream: 'events', setup: true })
 */
export class NatsEvtLog implements EvtLog {
  readonly #stream: Stream
  readonly #connected: Connected
  readonly #recent = new RecentHeads()
  readonly #persist: Persist
  readonly #reads = new OpenReads(() => this.#refuseIfClosed())
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(stream: Stream, connection: Connected, config: CheckedEvtLogConfig) {
    this.#stream = stream
    this.#connected = connection
    this.#persist = createPersist(stream, this.#recent, this.#work, config)
  }

  /**
   * Opens a log on a connection handed in, or on one of its own, and checks the server and the stream.
   *
   * @throws {InvalidInputError} naming the setting that is wrong, be it one of the configuration, of the server or of the stream
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsEvtLogConfig): Promise<NatsEvtLog> {
    const checked = checkEvtLogConfig(config)
    const connection = await connected(config, checked.inboxPrefix)
    try {
      return await NatsEvtLog.#open(connection, checked)
    } catch (error) {
      if (connection.isOwn) await connection.connection.close()
      throw error
    }
  }

  static async #open(connected: Connected, checked: CheckedEvtLogConfig): Promise<NatsEvtLog> {
    const { connection } = connected
    const { stream: name, replyTimeout, timeout: timeoutMs, inboxPrefix, logger } = checked
    checkServerVersion(connection)
    const manager = await checkJetStream(connection, replyTimeout)
    const { max_msg_size: maxMsgSize } = await openStream(manager, checked)
    const wire = openWire(connection, { maxMsgSize, replyTimeoutMs: replyTimeout, inboxPrefix, logger })
    return new NatsEvtLog({ name, wire, manager, timeoutMs, logger }, connected, checked)
  }

  persist(append: Append): Promise<Persisted> {
    try {
      this.#refuseIfClosed()
      checkAppend(append)
      return this.#persist(append)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async head(key: EntityKey): Promise<LogHead> {
    this.#refuseIfClosed()
    checkKey(key)
    const head = await this.#work.do(() => readHead(this.#stream, this.#recent, subjectOf(this.#stream.name, key)))
    if (head === undefined) return { seqNo: 0, position: 0, appendId: '' }
    return { seqNo: head.seqNo, position: head.position, appendId: head.appendId }
  }

  async headPosition({ atLeast = 0 }: HeadPositionOptions = {}): Promise<number> {
    this.#refuseIfClosed()
    return this.#work.do(() => readHeadPosition(this.#stream, this.#recent, atLeast))
  }

  evtsById(key: EntityKey, options: EvtsByIdOptions = {}): Paged<PersistedEvt> {
    checkEvtsById(key, options)
    return this.#reads.iteratePages(options.signal, (signal) =>
      evtsById(this.#stream, this.#recent, key, options, signal),
    )
  }

  evtsByType(typeName: string, options: EvtsByTypeOptions = {}): Paged<PersistedEvt> {
    checkEvtsByType(typeName, options)
    return this.#reads.iteratePages(options.signal, (signal) =>
      evtsByType(this.#stream, this.#recent, { typeName, ...options }, signal),
    )
  }

  ids(typeName: string, { signal }: IdsOptions = {}): AsyncIterable<string> {
    checkTypeName(typeName)
    return this.#reads.iterate(signal, (signal) => ids(this.#stream, typeName, signal))
  }

  async deleteEvts(key: EntityKey, toSeqNo: number): Promise<void> {
    this.#refuseIfClosed()
    checkDeleteEvts(key, toSeqNo)
    return this.#work.do(() => deleteEvts(this.#stream, this.#recent, key, toSeqNo))
  }

  /** Ends live reads, finishes what was accepted, refuses what comes later. A connection handed in stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** How many reads are under way: those that still hold something. */
  get openReads(): number {
    return this.#reads.count
  }

  async #close(): Promise<void> {
    await this.#reads.close()
    await this.#work.finished()
    this.#stream.wire.close()
    if (this.#connected.isOwn) await this.#connected.connection.close()
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the log is closed')
  }
}
