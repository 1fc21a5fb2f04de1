import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { toldOf } from './told-of-group.js'
import { underGroupLock } from './under-group-lock.js'

/** `join_group(…)` adds a member and answers with the view; with NULL if its name was used before. */
export function createJoinGroup(names: Names): string {
  const { qualified } = names
  const members = qualified('_members')
  const body = `
    BEGIN
      ${underGroupLock(names, 'alone')}
      -- Those who are long gone; names are UUIDs, so nobody comes under the same one.
      DELETE FROM ${members} AS m WHERE m.group_name = p_group AND m.ends < clock_timestamp() - interval '1 hour';
      INSERT INTO ${members} (group_name, member, ends)
      VALUES (p_group, p_member, clock_timestamp() + p_ttl_ms * interval '1 ms')
      ON CONFLICT (group_name, member) DO NOTHING;
      IF NOT FOUND THEN RETURN NULL; END IF;
      RETURN (SELECT ${qualified('_lease_view')}(p_group));
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_join_group')} (p_group text, p_member text, p_ttl_ms double precision)
    RETURNS text LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. The column: the view, or NULL. */
export function joinGroup(names: Names): string {
  return `SELECT ${names.qualified('_join_group')}($1, $2, $3), ${toldOf(names)}`
}
