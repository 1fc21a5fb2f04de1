import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BACKEND_COLUMNS } from './backend.js'
import { BOUNDED } from './pinned.js'

/** `evt_up_to(…)` answers with the newest event of a type at or below a position, tombstone or not; with no row if there is none. */
export function createEvtUpTo({ qualified }: Names): string {
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      SELECT e.id, e.seq_no, e.position, e.append_writer || '-' || e.append_no FROM ${qualified()} AS e
      WHERE e.type_name = p_type_name AND e.position <= p_position
      ORDER BY e.position DESC LIMIT 1;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_evt_up_to')} (p_type_name text, p_position bigint)
    RETURNS TABLE (id uuid, seq_no bigint, "position" bigint, append_id text)
    LANGUAGE plpgsql STABLE ROWS 1 ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns of its only row: id, seqNo, position and appendId, NULL if there is none, and who answers. */
export function evtUpTo({ qualified }: Names): string {
  return `
    SELECT e.id, e.seq_no, e.position, e.append_id, ${BACKEND_COLUMNS}
    FROM (SELECT) AS one LEFT JOIN ${qualified('_evt_up_to')}($1, $2) AS e ON true`
}
