import { type GroupView, InvalidInputError, type Lease, type LeaseStore, type Renewed } from 'eventsourced'
import { type Checked, checkConfig, checkCount, type PostgresConfig } from '../config.js'
import { ask } from '../database/ask.js'
import type { Database } from '../database/database.js'
import type { Listener } from '../database/listener.js'
import { FUNCTIONS_ONLY, type Schema } from '../database/migrate.js'
import { open } from '../database/open.js'
import { sharedListener } from '../database/shared-listener.js'
import { type Parameter, type Row, type Statement, statement } from '../database/statement.js'
import { createJoinGroup, joinGroup } from '../sql/join-group.js'
import { createLeases } from '../sql/create-leases.js'
import { createLeaseView, leaseView } from '../sql/lease-view.js'
import { createLeaveGroup, leaveGroup } from '../sql/leave-group.js'
import { createReleaseSlices, releaseSlices } from '../sql/release-slices.js'
import { createRenewMember, renewMember } from '../sql/renew-member.js'
import { createTakeSlices, takeSlices } from '../sql/take-slices.js'
import { groupTopic } from '../sql/told-of-group.js'
import { decodeView } from './decode-view.js'

/** The configuration of a {@link PostgresLeaseStore}. */
export type PostgresLeaseStoreConfig = PostgresConfig & {
  /** How long a member lives after a heartbeat, in milliseconds; 5,000 by default. All processes must agree on it. */
  readonly ttlMs?: number
}

/** The leases' schema. */
export const LEASE_SCHEMA: Schema = {
  kind: 'leases',
  steps: [(names) => [createLeases(names)], FUNCTIONS_ONLY],
  functions: (names) => [
    createLeaseView(names),
    createJoinGroup(names),
    createRenewMember(names),
    createTakeSlices(names),
    createReleaseSlices(names),
    createLeaveGroup(names),
  ],
}

/**
 * Leases in PostgreSQL, by the server's clock. While groups are watched one connection more LISTENs, for all stores on a pool.
 *
 * @example
 * const leases = await PostgresLeaseStore.create({ pool, setup: true })
 */
export class PostgresLeaseStore implements LeaseStore {
  readonly ttlMs: number
  readonly #database: Database
  readonly #listener: Listener
  readonly #watches = new Set<{ readonly stop: () => void }>()
  readonly #timeoutMs: number
  readonly #statements: Readonly<Record<'join' | 'renew' | 'take' | 'release' | 'leave' | 'view', Statement>>

  /**
   * Opens the store in a database.
   *
   * @throws {InvalidInputError} naming the field that is wrong: also `setup`, where the schema is missing, and `schema`, where it is newer
   *   than this release knows
   * @throws {RefusedError} `forbidden`: the server does not let us in, or not create the schema
   * @throws {UnavailableError} the server can't be reached
   */
  static async create(config: PostgresLeaseStoreConfig): Promise<PostgresLeaseStore> {
    const checked = checkConfig(config, 'leases', ['ttlMs'])
    const ttlMs = checkTtl('ttlMs', config.ttlMs)
    return new PostgresLeaseStore(checked, ttlMs, await open(checked, LEASE_SCHEMA))
  }

  private constructor({ source, names, preparedStatements, logger }: Checked, ttlMs: number, database: Database) {
    this.ttlMs = ttlMs
    this.#database = database
    this.#listener = sharedListener(source, { channel: names.channel, connection: database.listener, logger })
    // A heartbeat that takes longer is better tried again.
    this.#timeoutMs = Math.max(ttlMs / 3, 500)
    this.#statements = {
      join: statement(joinGroup(names), preparedStatements),
      renew: statement(renewMember(names), preparedStatements),
      take: statement(takeSlices(names), preparedStatements),
      release: statement(releaseSlices(names), preparedStatements),
      leave: statement(leaveGroup(names), preparedStatements),
      view: statement(leaseView(names), preparedStatements),
    }
  }

  async join(group: string, member: string): Promise<GroupView> {
    // Once only: a second try would find the name of the first.
    const [row] = await this.#ask('joining a group', this.#statements.join, [group, member, this.ttlMs], 1)
    if (row?.[0] == null) throw new InvalidInputError('member', member, 'a name that was never used before')
    return decodeView(row[0])
  }

  async renew(group: string, member: string): Promise<Renewed> {
    const [row] = await this.#ask('renewing leases', this.#statements.renew, [group, member, this.ttlMs])
    return row?.[0] == null ? { kind: 'expired' } : { kind: 'live', view: decodeView(row[0]) }
  }

  async take(group: string, member: string, seen: readonly Lease[]): Promise<readonly Lease[]> {
    const slices = array(seen.map(({ slice }) => slice))
    const epochs = array(seen.map(({ epoch }) => epoch))
    const rows = await this.#ask('taking slices', this.#statements.take, [group, member, slices, epochs])
    return rows.map(([slice, epoch]) => ({ slice: Number(slice), epoch: Number(epoch), owner: member }))
  }

  async release(group: string, member: string, slices: readonly number[]): Promise<void> {
    await this.#ask('releasing slices', this.#statements.release, [group, member, array(slices)])
  }

  async leave(group: string, member: string): Promise<void> {
    await this.#ask('leaving a group', this.#statements.leave, [group, member])
  }

  async view(group: string): Promise<GroupView> {
    const [row] = await this.#ask('looking at a group', this.#statements.view, [group])
    return decodeView(row?.[0] ?? '{"members":[],"leases":[]}')
  }

  watch(group: string, onChange: () => void): { readonly stop: () => void } {
    const following = this.#listener.follow(groupTopic(group), onChange)
    const watch = {
      stop: () => {
        if (this.#watches.delete(watch)) following.stop()
      },
    }
    this.#watches.add(watch)
    return watch
  }

  /** Closes connections of its own, never a pool that was handed in. Idempotent. */
  async close(): Promise<void> {
    for (const { stop } of this.#watches) stop()
    await this.#listener.ended()
    await this.#database.close()
  }

  #ask(doing: string, statement: Statement, values: Parameter[], attempts?: number): Promise<Row[]> {
    const bounds = { timeoutMs: this.#timeoutMs }
    return ask(this.#database.readers, bounds, { doing, statement, values, ...(attempts && { attempts }) })
  }
}

/** Checks how long leases last. @throws {InvalidInputError} */
export function checkTtl(field: string, ttlMs: number | undefined): number {
  return checkCount(field, ttlMs, { otherwise: 5_000, min: 100, max: 86_400_000 })
}

/** An array of numbers as PostgreSQL reads one. */
function array(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`
}
