import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'

/**
 * `stored_of_append(…)` looks behind a head for an append that conflicts with it: a resent append that was stored the first time conflicts
 * with itself. It answers with the first events behind the head, in order, and with the entity's newest, which tells of those deleted.
 */
export function createStoredOfAppend({ qualified }: Names): string {
  const columns = `e.seq_no, e.position, e.append_writer || '-' || e.append_no AS append_id`
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      (SELECT ${columns} FROM ${qualified()} AS e
        WHERE e.type_name = p_type_name AND e.id = p_id AND e.seq_no > p_seq_no
        ORDER BY e.seq_no LIMIT p_count)
      UNION
      (SELECT ${columns} FROM ${qualified()} AS e
        WHERE e.type_name = p_type_name AND e.id = p_id
        ORDER BY e.seq_no DESC LIMIT 1)
      ORDER BY 1;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_stored_of_append')} (p_type_name text, p_id uuid, p_seq_no bigint, p_count bigint)
    RETURNS TABLE (seq_no bigint, "position" bigint, append_id text) LANGUAGE plpgsql STABLE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: seqNo, position, appendId. */
export function storedOfAppend({ qualified }: Names): string {
  return `SELECT seq_no, position, append_id FROM ${qualified('_stored_of_append')}($1, $2, $3, $4)`
}
