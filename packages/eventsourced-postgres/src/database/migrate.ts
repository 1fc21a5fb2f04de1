import { InvalidInputError } from 'eventsourced'
import { type ClientBase, escapeLiteral } from 'pg'
import { messageOf } from '../errors/read-error.js'
import { sqlState } from '../errors/sqlstate.js'
import type { Names } from '../names.js'
import { query, statement } from './statement.js'

/** Statements, by the names of a schema. */
export type Statements = (names: Names) => readonly string[]

/** The step of a release that has changed functions alone. */
export const FUNCTIONS_ONLY: Statements = () => []

/** What a schema is made of. */
export interface Schema {
  /** What it is the schema of: no table may be taken for another kind's. */
  readonly kind: 'events' | 'snapshots' | 'leases' | 'offsets' | 'counters'
  /** Brings its tables from nothing to today's, each step by a version. Once released a step is never changed. */
  readonly steps: readonly Statements[]
  /** Its functions as they are today, made anew behind the last step: who changes one adds a step. */
  readonly functions: Statements
}

/** A schema, its names, and whether its steps may be taken. */
export interface Migration extends Schema {
  readonly names: Names
  readonly setup: boolean
}

/** What the server answers where a name is taken: by a table, by a function, by something else. */
const NAME_TAKEN = ['42P07', '42723', '42710']

/**
 * Brings the schema of a table up to date if it may, else checks that it is. Any number of processes may come at once: one takes the steps,
 * all in one transaction, the others wait for it and find them taken.
 *
 * @throws {InvalidInputError} naming `setup` if steps are missing, `schema` if it is newer than this release knows, `table` if that is another's
 */
export async function migrate(client: ClientBase, migration: Migration): Promise<void> {
  if (await isUpToDate(client, migration)) return
  const { names, setup, steps } = migration
  if (!setup) {
    const wanted = `true, or table ${names.qualified()} created beforehand in version ${steps.length}, which the database lacks`
    throw new InvalidInputError('setup', false, wanted)
  }
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    await client.query(
      `SELECT pg_advisory_xact_lock(hashtextextended(${escapeLiteral(`eventsourced ${names.schema}`)}, 0))`,
    )
    if (!(await isUpToDate(client, migration))) await takeSteps(client, migration)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    if (!NAME_TAKEN.includes(sqlState(error) ?? '')) throw error
    const free = `a name of which nothing in schema ${names.quotedSchema} is in the way (${messageOf(error)})`
    throw new InvalidInputError('table', names.table, free, { cause: error })
  }
}

async function isUpToDate(client: ClientBase, { names, kind, steps }: Migration): Promise<boolean> {
  const { version, kind: actual } = await stateOf(client, names)
  if (actual !== null && actual !== kind) {
    throw new InvalidInputError('table', names.table, `a table of ${kind}: ${names.qualified()} is one of ${actual}`)
  }
  if (version > steps.length) {
    const known = `a schema whose table ${names.qualified()} has version ${steps.length} at most, not ${version}: deploy a newer release`
    throw new InvalidInputError('schema', names.schema, known)
  }
  return version === steps.length
}

async function takeSteps(client: ClientBase, { names, kind, steps, functions }: Migration): Promise<void> {
  await createVersions(client, names)
  const { version } = await stateOf(client, names)
  for (const step of [...steps.slice(version), functions]) {
    for (const sql of step(names)) await client.query(sql)
  }
  await client.query({
    text: `INSERT INTO ${versionsOf(names)} (table_name, version, kind) VALUES ($1, $2, $3)
      ON CONFLICT (table_name) DO UPDATE SET (version, kind, migrated_at) = (excluded.version, excluded.kind, excluded.migrated_at)`,
    values: [names.table, steps.length, kind],
  })
}

async function createVersions(client: ClientBase, names: Names): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [names.schema])
  // Not IF NOT EXISTS, which needs the right to create schemas even where there is nothing to create.
  if (rows.length === 0) await client.query(`CREATE SCHEMA ${names.quotedSchema}`)
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${versionsOf(names)} (
      table_name text PRIMARY KEY, version integer NOT NULL, kind text, migrated_at timestamptz NOT NULL DEFAULT now())`)
  const kind = `SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'kind'`
  if ((await client.query(kind, [versionsOf(names)])).rowCount === 0) {
    await client.query(`ALTER TABLE ${versionsOf(names)} ADD COLUMN kind text`)
  }
}

/** The version and the kind of the table's schema; 0 and null if there is none. The first releases did not note the kind. */
async function stateOf(client: ClientBase, names: Names): Promise<{ version: number; kind: string | null }> {
  const exists = await query(client, statement('SELECT to_regclass($1)', false), [versionsOf(names)])
  if (exists[0]?.[0] == null) return { version: 0, kind: null }
  const text = `SELECT version, to_jsonb(v) ->> 'kind' FROM ${versionsOf(names)} AS v WHERE table_name = $1`
  const [row] = await query(client, statement(text, false), [names.table])
  return { version: Number(row?.[0] ?? 0), kind: row?.[1] ?? null }
}

function versionsOf({ quotedSchema }: Names): string {
  return `${quotedSchema}.eventsourced_versions`
}
