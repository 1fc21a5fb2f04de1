import {
  checkProjectionKey,
  type Claimed,
  type Committed,
  type Entry,
  type LeaseStore,
  lowestPosition,
  type Move,
  type OffsetStore,
  type ParkedEvt,
  type ParkedOptions,
  type ProjectionKey,
  type SliceRecord,
} from 'eventsourced'
import type { ClientBase } from 'pg'
import { Accepted } from '../accepted.js'
import { type Checked, checkConfig, checkCount, type PostgresConfig } from '../config.js'
import { ask } from '../database/ask.js'
import type { Database } from '../database/database.js'
import { FUNCTIONS_ONLY, type Schema } from '../database/migrate.js'
import { open } from '../database/open.js'
import { type Ended, type Parameter, queryAndCommit, type Row } from '../database/statement.js'
import { FENCED, sqlState } from '../errors/sqlstate.js'
import { PostgresLeaseStore } from '../lease/postgres-lease-store.js'
import { createCommitSlices } from '../sql/commit-slices.js'
import { createOffsets } from '../sql/create-offsets.js'
import { decodeParked, decodeRecord } from './decode-records.js'
import { encodeMoves } from './encode-moves.js'
import { type OffsetStatements, offsetStatements } from './offset-statements.js'

/** The configuration of a {@link PostgresOffsetStore}. */
export type PostgresOffsetStoreConfig = PostgresConfig & {
  /** The table of the leases, and the beginning of the names of what belongs to it; `leases` by default. */
  readonly leaseTable?: string
  /** How long a process that no longer answers keeps its slices, in milliseconds; 5,000 by default. All processes must agree on it. */
  readonly leaseTtlMs?: number
  /** How long a statement may take, until the store is unavailable; 10,000 ms by default. */
  readonly timeoutMs?: number
}

/** What became of a transaction and the moves at its end. */
export type CommittedIn =
  | { readonly kind: 'committed' | 'fenced'; readonly committed: Committed }
  | Exclude<Ended, { kind: 'committed' }>

const FIELDS = ['leaseTable', 'leaseTtlMs', 'timeoutMs']
/** The offsets' schema. */
export const OFFSET_SCHEMA: Schema = {
  kind: 'offsets',
  steps: [(names) => [createOffsets(names)], FUNCTIONS_ONLY, FUNCTIONS_ONLY],
  functions: (names) => [createCommitSlices(names)],
}
const PARKED_PAGE = 200

/**
 * Offsets of projections in PostgreSQL, for handlers that write elsewhere (`atLeastOnce`); `exactlyOnce` makes one itself. The table is `projections`
 * by default.
 *
 * @example
 * const offsetStore = await PostgresOffsetStore.create({ pool, setup: true })
 */
export class PostgresOffsetStore implements OffsetStore {
  readonly leases: LeaseStore
  /** How long a statement may take, in milliseconds. */
  readonly timeoutMs: number
  readonly #leases: PostgresLeaseStore
  readonly #database: Database
  readonly #statements: OffsetStatements
  readonly #accepted = new Accepted('the offset store')

  /**
   * Opens the store in a database.
   *
   * @throws {InvalidInputError} naming the field that is wrong: also `setup`, where the schema is missing, and `schema`, where it is newer
   *   than this release knows
   * @throws {RefusedError} `forbidden`: the server does not let us in, or not create the schema
   * @throws {UnavailableError} the server can't be reached
   */
  static async create(config: PostgresOffsetStoreConfig): Promise<PostgresOffsetStore> {
    const checked = checkConfig(config, 'projections', FIELDS)
    const { names, setup, preparedStatements, logger } = checked
    const timeoutMs = checkCount('timeoutMs', config.timeoutMs, { otherwise: 10_000, min: 1, max: 2 ** 31 - 1 })
    const database = await open(checked, OFFSET_SCHEMA)
    try {
      const leases = await PostgresLeaseStore.create({
        pool: database.readers,
        schema: names.schema,
        setup,
        preparedStatements,
        logger,
        ...(config.leaseTable !== undefined && { table: config.leaseTable }),
        ...(config.leaseTtlMs !== undefined && { ttlMs: config.leaseTtlMs }),
      })
      return new PostgresOffsetStore(checked, timeoutMs, database, leases)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  private constructor(
    { names, preparedStatements }: Checked,
    timeoutMs: number,
    database: Database,
    leases: PostgresLeaseStore,
  ) {
    this.#database = database
    this.timeoutMs = timeoutMs
    this.#statements = offsetStatements(names, preparedStatements)
    this.#leases = leases
    this.leases = leases
  }

  async claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    const ofSlice = [...this.#of(key), slice]
    const [row] = await this.#ask('claiming a slice', 'claim', [...ofSlice, epoch])
    if (row === undefined) return { kind: 'fenced' }
    const ids = await this.#ask('reading what is parked', 'parkedIds', ofSlice)
    return { kind: 'claimed', record: decodeRecord(row), parkedIds: ids.map(([id]) => id ?? '') }
  }

  async commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    const values = [...this.#of(key), encodeMoves(moves), null]
    // Once only: a second try of one whose answer was lost would find everything fenced off.
    return committed(moves, await this.#ask('moving offsets', 'commit', values, 1))
  }

  /**
   * The same at the end of a transaction that was begun elsewhere, under whose name it must still run; then commits it. All of it or nothing: where a slice is
   * fenced off nothing is committed, and the transaction is to be rolled back.
   *
   * @throws what pg throws for the moves
   */
  async commitIn(
    client: ClientBase,
    transaction: string,
    key: ProjectionKey,
    moves: readonly Move[],
  ): Promise<CommittedIn> {
    const values = [...this.#of(key), encodeMoves(moves), transaction]
    try {
      const ended = await queryAndCommit(client, this.#statements.commit, values)
      return ended.kind === 'committed' ? { kind: 'committed', committed: committed(moves, ended.rows) } : ended
    } catch (error) {
      const slices = fencedBy(error)
      if (slices === undefined) throw error
      return { kind: 'fenced', committed: { moved: new Map(), fenced: slices } }
    }
  }

  async slices(key: ProjectionKey, only?: readonly number[]): Promise<readonly SliceRecord[]> {
    const values = [...this.#of(key), only === undefined ? null : `{${only.join(',')}}`]
    return (await this.#ask('reading offsets', 'slices', values)).map(decodeRecord)
  }

  async *parked(key: ProjectionKey, { slice, id }: ParkedOptions = {}): AsyncGenerator<ParkedEvt, void, void> {
    const ofProjection = this.#of(key)
    for (let after = 0; ; ) {
      const values = [...ofProjection, after, slice ?? null, id ?? null, PARKED_PAGE]
      const page = (await this.#ask('reading what is parked', 'parked', values)).map(decodeParked)
      yield* page
      if (page.length < PARKED_PAGE) return
      after = page.at(-1)?.evt.position ?? after
    }
  }

  async parkedCount(key: ProjectionKey): Promise<number> {
    const [row] = await this.#ask('counting what is parked', 'parkedCount', this.#of(key))
    return Number(row?.[0])
  }

  async remove(key: ProjectionKey): Promise<void> {
    await this.#ask('removing a projection', 'remove', this.#of(key))
  }

  async names(): Promise<readonly string[]> {
    return (await this.#ask('reading the names of projections', 'names', [])).map(([name]) => name ?? '')
  }

  async entry(name: string): Promise<Entry | undefined> {
    const [row] = await this.#ask('reading an entry', 'entry', [name])
    return row && { value: row[0] ?? '', revision: Number(row[1]) }
  }

  async putEntry(name: string, { value, revision }: Entry): Promise<boolean> {
    return (await this.#ask('writing an entry', 'putEntry', [name, value, revision], 1)).length > 0
  }

  async position(typeName: string, slice: number): Promise<number> {
    this.#accepted.refuseIfClosed()
    return lowestPosition(this, typeName, slice)
  }

  close(): Promise<void> {
    return this.#accepted.close(
      () => this.#leases.close(),
      () => this.#database.close(),
    )
  }

  #of(key: ProjectionKey): [name: string, version: number] {
    this.#accepted.refuseIfClosed()
    checkProjectionKey(key)
    return [key.name, key.version]
  }

  async #ask(doing: string, statement: keyof OffsetStatements, values: Parameter[], attempts?: number): Promise<Row[]> {
    this.#accepted.refuseIfClosed()
    const question = {
      doing,
      statement: this.#statements[statement],
      values,
      ...(attempts !== undefined && { attempts }),
    }
    return this.#accepted.add(ask(this.#database.readers, { timeoutMs: this.timeoutMs }, question))
  }
}

function committed(moves: readonly Move[], rows: readonly Row[]): Committed {
  const moved = new Map(rows.map(([slice, revision]) => [Number(slice), Number(revision)]))
  return { moved, fenced: moves.map(({ slice }) => slice).filter((slice) => !moved.has(slice)) }
}

/** The slices that an error names as fenced off. */
function fencedBy(error: unknown): readonly number[] | undefined {
  if (sqlState(error) !== FENCED || !(error instanceof Error) || !('detail' in error)) return undefined
  return String(error.detail).split(',').map(Number)
}
