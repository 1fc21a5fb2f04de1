import type { Names } from '../names.js'

/** The names of all entries. */
export function entryNames({ qualified }: Names): string {
  return `SELECT name FROM ${qualified('_entries')} ORDER BY name`
}

/** An entry. The columns: value, revision. */
export function readEntry({ qualified }: Names): string {
  return `SELECT value, revision FROM ${qualified('_entries')} WHERE name = $1`
}

/** Writes an entry if its revision is the one given, or, where that is 0, if there is none. No row if it was not written. */
export function putEntry({ qualified, regclass }: Names): string {
  const revision = `nextval(${regclass('_revision')})`
  return `
    WITH changed AS (
      UPDATE ${qualified('_entries')} SET value = $2, revision = ${revision} WHERE name = $1 AND revision = $3 RETURNING revision
    ), made AS (
      INSERT INTO ${qualified('_entries')} (name, value, revision) SELECT $1, $2, ${revision} WHERE $3::bigint = 0
      ON CONFLICT (name) DO NOTHING RETURNING revision
    )
    SELECT revision FROM changed UNION ALL SELECT revision FROM made`
}
