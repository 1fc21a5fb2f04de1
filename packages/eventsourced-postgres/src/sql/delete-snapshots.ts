import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'
import { underSnapshotLock } from './under-snapshot-lock.js'

/** `delete_snapshots(…)` deletes all snapshots of an entity. It takes the lock before it looks: else it would miss the rows that a save is adding. */
export function createDeleteSnapshots(names: Names): string {
  const { qualified } = names
  const body = `
    BEGIN
      ${underSnapshotLock(names)}
      DELETE FROM ${qualified()} AS s WHERE s.type_name = p_type_name AND s.id = p_id;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_delete_snapshots')} (p_type_name text, p_id uuid)
    RETURNS void LANGUAGE plpgsql VOLATILE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function deleteSnapshots({ qualified }: Names): string {
  return `SELECT ${qualified('_delete_snapshots')}($1, $2)`
}
