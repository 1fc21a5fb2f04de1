import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'

/** `entity_head(…)` answers with the seqNo, position and appendId of an entity's last event, tombstone or not; with no row if it has none. */
export function createEntityHead({ qualified }: Names): string {
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      SELECT e.seq_no, e.position, e.append_writer || '-' || e.append_no FROM ${qualified()} AS e
      WHERE e.type_name = p_type_name AND e.id = p_id
      ORDER BY e.seq_no DESC LIMIT 1;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_entity_head')} (p_type_name text, p_id uuid)
    RETURNS TABLE (seq_no bigint, "position" bigint, append_id text) LANGUAGE plpgsql STABLE ROWS 1 ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: seqNo, position, appendId. */
export function entityHead({ qualified }: Names): string {
  return `SELECT seq_no, position, append_id FROM ${qualified('_entity_head')}($1, $2)`
}
