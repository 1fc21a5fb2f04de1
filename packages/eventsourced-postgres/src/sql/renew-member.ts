import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { underGroupLock } from './under-group-lock.js'

/** `renew_member(…)` has a live member live on, and answers with the view; with NULL if it doesn't live. */
export function createRenewMember(names: Names): string {
  const { qualified } = names
  const body = `
    BEGIN
      ${underGroupLock(names, 'shared')}
      UPDATE ${qualified('_members')} AS m SET ends = clock_timestamp() + p_ttl_ms * interval '1 ms'
      WHERE m.group_name = p_group AND m.member = p_member AND m.ends > clock_timestamp();
      IF NOT FOUND THEN RETURN NULL; END IF;
      RETURN (SELECT ${qualified('_lease_view')}(p_group));
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_renew_member')} (p_group text, p_member text, p_ttl_ms double precision)
    RETURNS text LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. The column: the view, or NULL. */
export function renewMember({ qualified }: Names): string {
  return `SELECT ${qualified('_renew_member')}($1, $2, $3)`
}
