import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { toldOf } from './told-of-group.js'
import { underGroupLock } from './under-group-lock.js'

/** `release_slices(…)` frees slices of a member. */
export function createReleaseSlices(names: Names): string {
  const { qualified } = names
  const body = `
    BEGIN
      ${underGroupLock(names, 'alone')}
      UPDATE ${qualified()} AS l SET owner = NULL
      WHERE l.group_name = p_group AND l.owner = p_member AND l.slice = ANY (p_slices);
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_release_slices')} (p_group text, p_member text, p_slices smallint[])
    RETURNS void LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function releaseSlices(names: Names): string {
  return `SELECT ${names.qualified('_release_slices')}($1, $2, $3), ${toldOf(names)}`
}
