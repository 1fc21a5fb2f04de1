import { InvalidInputError } from 'eventsourced'
import { type ClientBase, escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { query, statement } from './statement.js'

/** A step brings the schema from one version to the next. Once released it is never changed. */
export type Step = (names: Names) => readonly string[]

/** What a schema is made of: its steps from nothing on, and whether they may be taken. */
export interface Migration {
  readonly names: Names
  readonly steps: readonly Step[]
  readonly setup: boolean
}

/**
 * Brings the schema of a table up to date if it may, else checks that it is. Any number of processes may come at once: one takes the steps,
 * all in one transaction, the others wait for it and find them taken.
 *
 * @throws {InvalidInputError} naming `setup` if steps are missing, `schema` if it is newer than this release knows
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
    throw error
  }
}

async function isUpToDate(client: ClientBase, { names, steps }: Migration): Promise<boolean> {
  const version = await versionOf(client, names)
  if (version > steps.length) {
    const known = `a schema whose table ${names.qualified()} has version ${steps.length} at most, not ${version}: deploy a newer release`
    throw new InvalidInputError('schema', names.schema, known)
  }
  return version === steps.length
}

async function takeSteps(client: ClientBase, { names, steps }: Migration): Promise<void> {
  await createVersions(client, names)
  for (const step of steps.slice(await versionOf(client, names))) {
    for (const sql of step(names)) await client.query(sql)
  }
  await client.query({
    text: `INSERT INTO ${versionsOf(names)} (table_name, version) VALUES ($1, $2)
      ON CONFLICT (table_name) DO UPDATE SET version = excluded.version, migrated_at = excluded.migrated_at`,
    values: [names.table, steps.length],
  })
}

async function createVersions(client: ClientBase, names: Names): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [names.schema])
  // Not IF NOT EXISTS, which needs the right to create schemas even where there is nothing to create.
  if (rows.length === 0) await client.query(`CREATE SCHEMA ${names.quotedSchema}`)
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${versionsOf(names)} (
      table_name text PRIMARY KEY, version integer NOT NULL, migrated_at timestamptz NOT NULL DEFAULT now())`)
}

/** The version of the table's schema; 0 if there is none. */
async function versionOf(client: ClientBase, names: Names): Promise<number> {
  const exists = await query(client, statement('SELECT to_regclass($1)', false), [versionsOf(names)])
  if (exists[0]?.[0] == null) return 0
  const text = `SELECT version FROM ${versionsOf(names)} WHERE table_name = $1`
  const rows = await query(client, statement(text, false), [names.table])
  return Number(rows[0]?.[0] ?? 0)
}

function versionsOf({ quotedSchema }: Names): string {
  return `${quotedSchema}.eventsourced_versions`
}
