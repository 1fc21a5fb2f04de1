import {
  checkKey,
  checkSnapshot,
  type EntityKey,
  InvalidInputError,
  RefusedError,
  type Snapshot,
  type SnapshotSaved,
  type SnapshotStore,
} from 'eventsourced'
import { Accepted } from '../accepted.js'
import { splitAppendId } from '../append-id.js'
import { type Checked, checkConfig, checkCount, type PostgresConfig } from '../config.js'
import { ask } from '../database/ask.js'
import type { Database } from '../database/database.js'
import { open } from '../database/open.js'
import { type Parameter, type Row, type Statement, statement } from '../database/statement.js'
import { deleteSnapshots } from '../sql/delete-snapshots.js'
import { loadChunks } from '../sql/load-chunks.js'
import { saveSnapshot } from '../sql/save-snapshot.js'
import { SNAPSHOT_SCHEMA } from './schema.js'

/** The most that a snapshot may have: 64 MiB. It is held in memory several times over on its way. */
export const MAX_SNAPSHOT_BYTES = 64 * 1_048_576

/** The configuration of a {@link PostgresSnapshotStore}. */
export type PostgresSnapshotStoreConfig = PostgresConfig & {
  /** How long a save, a load or a deletion may take, until it is unavailable; 30,000 ms by default. */
  readonly timeoutMs?: number
}

/**
 * A snapshot store in a PostgreSQL table. Saving a snapshot and dropping the oldest is one statement, in which the newest wins.
 *
 * Limit: 64 MiB a snapshot; a larger one is refused as `too-large`, and the entity goes on without.
 *
 * @example
 * const snapshotStore = await PostgresSnapshotStore.create({ pool, setup: true })
 */
export class PostgresSnapshotStore implements SnapshotStore {
  readonly #database: Database
  readonly #timeoutMs: number
  readonly #statements: { readonly save: Statement; readonly load: Statement; readonly delete: Statement }
  readonly #accepted = new Accepted('the snapshot store')

  /**
   * Opens the store in a database.
   *
   * @throws {InvalidInputError} naming the field that is wrong: also `setup`, where the schema is missing, and `schema`, where it is newer
   *   than this release knows
   * @throws {RefusedError} `forbidden`: the server does not let us in, or not create the schema
   * @throws {UnavailableError} the server can't be reached
   */
  static async create(config: PostgresSnapshotStoreConfig): Promise<PostgresSnapshotStore> {
    const checked = checkConfig(config, 'snapshots', ['timeoutMs'])
    const bounds = { otherwise: 30_000, min: 1, max: 2 ** 31 - 1 }
    const timeoutMs = checkCount('timeoutMs', config.timeoutMs, bounds)
    return new PostgresSnapshotStore(checked, timeoutMs, await open(checked, SNAPSHOT_SCHEMA))
  }

  private constructor({ names, preparedStatements }: Checked, timeoutMs: number, database: Database) {
    this.#database = database
    this.#timeoutMs = timeoutMs
    this.#statements = {
      save: statement(saveSnapshot(names), preparedStatements),
      load: statement(loadChunks(names), preparedStatements),
      delete: statement(deleteSnapshots(names), preparedStatements),
    }
  }

  async save(
    key: EntityKey,
    snapshot: Snapshot,
    { keep = 1 }: { readonly keep?: number } = {},
  ): Promise<SnapshotSaved> {
    this.#accepted.refuseIfClosed()
    checkSnapshot(key, snapshot, keep)
    const { seqNo, appendId, version, bytes } = snapshot
    if (bytes.byteLength > MAX_SNAPSHOT_BYTES) {
      throw new RefusedError('too-large', `a snapshot of ${bytes.byteLength} bytes: at most ${MAX_SNAPSHOT_BYTES} fit`)
    }
    const { writer, no } = splitAppendId(appendId)
    const values = [key.typeName, key.id, seqNo, writer, no, version, Buffer.from(bytes), keep]
    const [row] = await this.#ask('saving a snapshot', this.#statements.save, values)
    return { oldestSeqNo: Number(row?.[0]) }
  }

  async load(key: EntityKey, { maxSeqNo }: { readonly maxSeqNo?: number } = {}): Promise<Snapshot | undefined> {
    this.#accepted.refuseIfClosed()
    checkKey(key)
    const max = checkMaxSeqNo(maxSeqNo)
    const chunks = await this.#ask('loading a snapshot', this.#statements.load, [key.typeName, key.id, max])
    if (chunks[0] === undefined) return undefined
    const [seqNo, appendId, version] = chunks[0]
    return {
      seqNo: Number(seqNo),
      appendId: appendId ?? '',
      version: Number(version),
      bytes: Buffer.concat(chunks.map(([, , , bytes]) => Buffer.from(bytes ?? '', 'hex'))),
    }
  }

  async delete(key: EntityKey): Promise<void> {
    this.#accepted.refuseIfClosed()
    checkKey(key)
    await this.#ask('deleting snapshots', this.#statements.delete, [key.typeName, key.id])
  }

  close(): Promise<void> {
    return this.#accepted.close(
      () => Promise.resolve(),
      () => this.#database.close(),
    )
  }

  #ask(doing: string, statement: Statement, values: Parameter[]): Promise<Row[]> {
    return this.#accepted.add(ask(this.#database.readers, { timeoutMs: this.#timeoutMs }, { doing, statement, values }))
  }
}

function checkMaxSeqNo(maxSeqNo: number | undefined): number {
  if (maxSeqNo === undefined || maxSeqNo === Infinity) return Number.MAX_SAFE_INTEGER
  if (!Number.isSafeInteger(maxSeqNo) || maxSeqNo < 0) {
    throw new InvalidInputError('maxSeqNo', maxSeqNo, 'a seqNo: a whole number, 0 or more')
  }
  return maxSeqNo
}
