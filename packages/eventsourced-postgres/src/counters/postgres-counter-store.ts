import { ConflictError, InvalidInputError, UncertainError } from 'eventsourced'
import {
  type CounterChange,
  type CounterInstance,
  CounterOverflowError,
  type CounterStore,
  type Counts,
  isCount,
} from 'eventsourced/counters'
import { Accepted } from '../accepted.js'
import { splitAppendId } from '../append-id.js'
import { type Checked, checkConfig, checkCount, type PostgresConfig } from '../config.js'
import { ask } from '../database/ask.js'
import { int8Array, textArray, uuidArray } from '../database/binary-array.js'
import type { Database } from '../database/database.js'
import { lend } from '../database/lend.js'
import { open } from '../database/open.js'
import { type Parameter, type Row, type Statement, statement } from '../database/statement.js'
import { messageOf, readError } from '../errors/read-error.js'
import { meaningOf } from '../errors/sqlstate.js'
import { inReadCommitted } from '../database/read-committed.js'
import { type AskedChange, ChangeGroups } from './change-groups.js'
import { COUNTER_SCHEMA } from './schema.js'
import { changes } from './sql/changes.js'
import { clear } from './sql/clear.js'
import { heartbeat } from './sql/heartbeat.js'
import { leave } from './sql/leave.js'
import { counts, slices } from './sql/slices.js'
import { sweep } from './sql/sweep.js'

/** The configuration of a {@link PostgresCounterStore}. */
export type PostgresCounterStoreConfig = PostgresConfig & {
  /** How long one attempt of an operation may take; 5,000 ms by default. How long it is tried again is the counter's `timeout`. */
  readonly timeoutMs?: number
  /** What time it is, in milliseconds since 1970; the server's clock by default. */
  readonly clock?: () => number
}

interface Statements {
  readonly heartbeat: Statement
  readonly counts: Statement
  readonly slices: Statement
  readonly changes: Statement
  readonly clear: Statement
  readonly leave: Statement
  readonly sweep: Statement
}

/**
 * Counters in PostgreSQL tables, `counters` and what begins with `counters_` by default. An operation is one call of a function. Changes that wait go
 * together, in one transaction, while those before them commit; one that comes alone goes alone, at once.
 *
 * @example
 * const store = await PostgresCounterStore.create({ pool, setup: true })
 * const counter = await strictCounter(store, { namespace: 'connections' })
 */
export class PostgresCounterStore implements CounterStore {
  readonly #database: Database
  readonly #timeoutMs: number
  readonly #clock: (() => number) | undefined
  readonly #statements: Statements
  readonly #accepted = new Accepted('the counter store')
  readonly #changes = new ChangeGroups((changes) => this.#send(changes))

  /**
   * Opens the store in a database.
   *
   * @throws {InvalidInputError} naming the field that is wrong: also `setup`, where the schema is missing, and `schema`, where it is newer
   *   than this release knows
   * @throws {RefusedError} `forbidden`: the server does not let us in, or not create the schema
   * @throws {UnavailableError} the server can't be reached
   */
  static async create(config: PostgresCounterStoreConfig): Promise<PostgresCounterStore> {
    const checked = checkConfig(config, 'counters', ['timeoutMs', 'clock'])
    const { clock } = config
    const timeoutMs = checkCount('timeoutMs', config.timeoutMs, { otherwise: 5_000, min: 1, max: 2 ** 31 - 1 })
    if (clock !== undefined && typeof clock !== 'function') throw new InvalidInputError('clock', clock, 'a function')
    const database = await open(checked, COUNTER_SCHEMA)
    const store = new PostgresCounterStore(checked, { database, timeoutMs, clock })
    store.#sweep(checked)
    return store
  }

  private constructor(
    { names, preparedStatements }: Checked,
    {
      database,
      timeoutMs,
      clock,
    }: { readonly database: Database; readonly timeoutMs: number; readonly clock: (() => number) | undefined },
  ) {
    this.#database = database
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    this.#statements = {
      heartbeat: statement(heartbeat(names), preparedStatements),
      counts: statement(counts(names), preparedStatements),
      slices: statement(slices(names), preparedStatements),
      changes: statement(changes(names), preparedStatements),
      clear: statement(clear(names), preparedStatements),
      leave: statement(leave(names), preparedStatements),
      sweep: statement(sweep(names), false),
    }
  }

  async heartbeat(instance: CounterInstance): Promise<void> {
    await this.#read('a heartbeat', this.#statements.heartbeat, this.#caller(instance))
  }

  async get(instance: CounterInstance, key: string): Promise<Counts> {
    const values = [...this.#caller(instance), key]
    const [[total, own] = []] = await this.#read('reading a counter', this.#statements.counts, values)
    return fitting(key, { total: bigintOf(total), own: bigintOf(own) })
  }

  async slices(instance: CounterInstance, key: string): Promise<ReadonlyMap<string, bigint>> {
    const rows = await this.#read('reading a counter', this.#statements.slices, [...this.#caller(instance), key])
    return new Map(rows.map(([id, slice]) => [id ?? '', bigintOf(slice)]))
  }

  async change(instance: CounterInstance, key: string, change: CounterChange, changeId: string): Promise<Counts> {
    this.#accepted.refuseIfClosed()
    const [outcome = '', total, own] = await this.#accepted.add(this.#changes.add({ instance, key, change, changeId }))
    if (outcome === 'late') {
      throw new ConflictError(
        `${instance.instanceId} made a later change of the counter ${key}: this one comes too late`,
      )
    }
    return fitting(key, { total: bigintOf(total), own: bigintOf(own) })
  }

  async clear(instance: CounterInstance, changeId: string): Promise<void> {
    this.#accepted.refuseIfClosed()
    const { writer, no } = splitAppendId(changeId)
    await this.#write('clearing', this.#statements.clear, [...this.#caller(instance), true, writer, no])
  }

  async clearOnInstance(instance: CounterInstance, changeId: string): Promise<void> {
    this.#accepted.refuseIfClosed()
    const { writer, no } = splitAppendId(changeId)
    await this.#write('clearing', this.#statements.clear, [...this.#caller(instance), false, writer, no])
  }

  async leave({ namespace, instanceId }: CounterInstance): Promise<void> {
    await this.#read('leaving', this.#statements.leave, [namespace, instanceId, this.#now()])
  }

  close(): Promise<void> {
    return this.#accepted.close(
      () => Promise.resolve(),
      () => this.#database.close(),
    )
  }

  /** Removes what is of no more use, beside everything else: new instances are what makes it grow. */
  #sweep({ logger }: Checked): void {
    const question = { doing: 'sweeping', statement: this.#statements.sweep, values: [this.#now()] }
    const swept = this.#accepted.add(ask(this.#database.readers, { timeoutMs: SWEEP_MS }, question))
    swept.catch((error: unknown) => logger.warn({ err: error }, 'what is forgotten of counters was not removed'))
  }

  #send(asked: readonly AskedChange[]): Promise<Row[]> {
    return this.#write('changing counters', this.#statements.changes, [this.#now(), ...columnsOf(asked)])
  }

  #caller({ namespace, instanceId, deadInstanceThreshold, forgetAfter }: CounterInstance): Parameter[] {
    return [namespace, instanceId, interval(deadInstanceThreshold), interval(forgetAfter), this.#now()]
  }

  #now(): string | null {
    return this.#clock === undefined ? null : new Date(this.#clock()).toISOString()
  }

  #read(doing: string, statement: Statement, values: Parameter[]): Promise<Row[]> {
    this.#accepted.refuseIfClosed()
    return this.#accepted.add(ask(this.#database.readers, { timeoutMs: this.#timeoutMs }, { doing, statement, values }))
  }

  /** Sends a change once. Where the server has not said that it failed it may be made. */
  #write(doing: string, statement: Statement, values: Parameter[]): Promise<Row[]> {
    let isSent = false
    const write = lend(this.#database.readers, { timeoutMs: this.#timeoutMs }, (client) => {
      isSent = true
      return inReadCommitted(client, statement, values)
    }).catch((error: unknown) => {
      if (isSent && meaningOf(error) === 'unknown') {
        throw new UncertainError(`${doing} was not answered: ${messageOf(error)}`, { cause: error })
      }
      throw readError(doing, error)
    })
    return this.#accepted.add(write)
  }
}

/** Nobody waits for it. */
const SWEEP_MS = 600_000

/** An interval in seconds: up to PostgreSQL 14 its number of milliseconds can't be more than 2³¹. */
function interval(ms: number): string {
  return `${ms / 1_000} s`
}

/** The parameters of changes, an array a column. */
function columnsOf(asked: readonly AskedChange[]): Buffer[] {
  const ids = asked.map(({ changeId }) => splitAppendId(changeId))
  return [
    textArray(asked.map(({ instance }) => instance.namespace)),
    textArray(asked.map(({ instance }) => instance.instanceId)),
    int8Array(asked.map(({ instance }) => instance.deadInstanceThreshold)),
    int8Array(asked.map(({ instance }) => instance.forgetAfter)),
    textArray(asked.map(({ key }) => key)),
    textArray(asked.map(({ change }) => change.type)),
    textArray(asked.map(({ change }) => ('count' in change ? String(change.count) : '0'))),
    uuidArray(ids.map(({ writer }) => writer)),
    int8Array(ids.map(({ no }) => no)),
  ]
}

function bigintOf(value: string | null | undefined): bigint {
  return BigInt(value ?? 0)
}

function fitting(key: string, counts: Counts): Counts {
  for (const value of [counts.total, counts.own]) if (!isCount(value)) throw new CounterOverflowError(key, value)
  return counts
}
