import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { isLive } from './lease-view.js'
import { toldOf } from './told-of-group.js'
import { underGroupLock } from './under-group-lock.js'

/** `take_slices(…)` gives a live member those slices whose epoch is still the one seen and whose owner doesn't live, and answers with them. */
export function createTakeSlices(names: Names): string {
  const { qualified } = names
  const body = `
    #variable_conflict use_column
    BEGIN
      ${underGroupLock(names, 'alone')}
      IF NOT ${isLive(names, 'p_member')} THEN RETURN; END IF;
      RETURN QUERY
      INSERT INTO ${qualified()} AS l (group_name, slice, epoch, owner)
      SELECT p_group, seen.slice, seen.epoch + 1, p_member FROM unnest(p_slices, p_epochs) AS seen (slice, epoch)
      ON CONFLICT (group_name, slice) DO UPDATE SET epoch = excluded.epoch, owner = excluded.owner
        WHERE l.epoch = excluded.epoch - 1 AND NOT ${isLive(names, 'l.owner')}
      RETURNING l.slice, l.epoch;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_take_slices')} (p_group text, p_member text, p_slices smallint[], p_epochs bigint[])
    RETURNS TABLE (slice smallint, epoch bigint) LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: slice and new epoch of each that was taken. */
export function takeSlices(names: Names): string {
  return `SELECT slice, epoch, ${toldOf(names)} FROM ${names.qualified('_take_slices')}($1, $2, $3, $4)`
}
