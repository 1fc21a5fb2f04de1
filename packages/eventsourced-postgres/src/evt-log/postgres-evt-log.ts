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
  type IdsOptions,
  type LogHead,
  type Paged,
  type Persisted,
  type PersistedEvt,
} from 'eventsourced'
import { Accepted } from '../accepted.js'
import { ask } from '../database/ask.js'
import type { Database } from '../database/database.js'
import { Listener } from '../database/listener.js'
import { open } from '../database/open.js'
import { type CheckedEvtLogConfig, checkEvtLogConfig, type PostgresEvtLogConfig } from './config.js'
import { GroupCommit } from './group-commit.js'
import { Reads } from './reads.js'
import { EVT_LOG_SCHEMA } from './schema.js'
import { type EvtLogStatements, evtLogStatements } from './statements.js'

/** How much goes into a batch: beyond it a batch takes longer, and gains nothing. */
const BATCH = { maxEvts: 2_000, maxBytes: 4 * 1_048_576 }

/**
 * An event log in a PostgreSQL table, one row an event. Appends that wait are written together, in one statement, each judged on its own.
 *
 * Limits: 64 MiB of events a command; positions and seqNos up to `Number.MAX_SAFE_INTEGER`.
 *
 * @example
 * const evtLog = await PostgresEvtLog.create({ connection: { host: 'localhost', user: 'app', database: 'shop' }, setup: true })
 * …
 * await evtLog.close()
 */
export class PostgresEvtLog implements EvtLog {
  readonly #database: Database
  readonly #statements: EvtLogStatements
  readonly #groupCommit: GroupCommit
  readonly #listener: Listener
  readonly #reads: Reads
  readonly #accepted = new Accepted('the event log')
  readonly #readTimeoutMs: number

  /**
   * Opens the log in a database.
   *
   * @throws {InvalidInputError} naming the field that is wrong: also `setup`, where the schema is missing, and `schema`, where it is newer
   *   than this release knows
   * @throws {RefusedError} `forbidden`: the server does not let us in, or not create the schema
   * @throws {UnavailableError} the server can't be reached
   */
  static async create(config: PostgresEvtLogConfig): Promise<PostgresEvtLog> {
    const checked = checkEvtLogConfig(config)
    return new PostgresEvtLog(checked, await open(checked, EVT_LOG_SCHEMA))
  }

  private constructor(config: CheckedEvtLogConfig, database: Database) {
    const { names, preparedStatements, logger, readTimeoutMs } = config
    const statements = evtLogStatements(names, preparedStatements)
    this.#database = database
    this.#statements = statements
    this.#readTimeoutMs = readTimeoutMs
    this.#groupCommit = new GroupCommit({ ...config, database, statements, limits: BATCH })
    this.#listener = new Listener({ channel: names.channel, connection: database.listener, logger })
    this.#reads = new Reads({ ...config, database, statements, listener: this.#listener })
  }

  async persist(append: Append): Promise<Persisted> {
    this.#accepted.refuseIfClosed()
    checkAppend(append)
    return this.#groupCommit.add(append)
  }

  async head(key: EntityKey): Promise<LogHead> {
    this.#accepted.refuseIfClosed()
    checkKey(key)
    return this.#accepted.add(this.#reads.head(key))
  }

  async headPosition(): Promise<number> {
    this.#accepted.refuseIfClosed()
    return this.#accepted.add(this.#reads.headPosition())
  }

  evtsById(key: EntityKey, options: EvtsByIdOptions = {}): Paged<PersistedEvt> {
    checkEvtsById(key, options)
    return this.#reads.byId(key, options)
  }

  evtsByType(typeName: string, options: EvtsByTypeOptions = {}): Paged<PersistedEvt> {
    checkEvtsByType(typeName, options)
    return this.#reads.byType(typeName, options)
  }

  ids(typeName: string, { signal }: IdsOptions = {}): AsyncIterable<string> {
    checkTypeName(typeName)
    return this.#reads.ids(typeName, signal)
  }

  async deleteEvts(key: EntityKey, toSeqNo: number): Promise<void> {
    this.#accepted.refuseIfClosed()
    checkDeleteEvts(key, toSeqNo)
    const question = {
      doing: 'deleting events',
      statement: this.#statements.deleteEvts,
      values: [key.typeName, key.id, toSeqNo],
    }
    await this.#accepted.add(ask(this.#database.readers, { timeoutMs: this.#readTimeoutMs }, question))
  }

  close(): Promise<void> {
    return this.#accepted.close(
      async (closed) => {
        this.#reads.close(closed)
        await Promise.all([this.#listener.close(), this.#groupCommit.drained()])
      },
      () => this.#database.close(),
    )
  }
}
