import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { PINNED } from './pinned.js'

/** `load_snapshot(…)` answers with the newest snapshot of an entity at or below a seqNo, or with no row. */
export function createLoadSnapshot({ qualified }: Names): string {
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      SELECT s.seq_no, s.append_writer || '-' || s.append_no, s.version, encode(s.bytes, 'hex') FROM ${qualified()} AS s
      WHERE s.type_name = p_type_name AND s.id = p_id AND s.seq_no <= p_max_seq_no
      ORDER BY s.seq_no DESC LIMIT 1;
    END`
  return `
    CREATE FUNCTION ${qualified('_load_snapshot')} (p_type_name text, p_id uuid, p_max_seq_no bigint)
    RETURNS TABLE (seq_no bigint, append_id text, version integer, bytes text)
    LANGUAGE plpgsql STABLE ROWS 1 ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: seqNo, appendId, version, and the bytes in hexadecimal. */
export function loadSnapshot({ qualified }: Names): string {
  return `SELECT seq_no, append_id, version, bytes FROM ${qualified('_load_snapshot')}($1, $2, $3)`
}
