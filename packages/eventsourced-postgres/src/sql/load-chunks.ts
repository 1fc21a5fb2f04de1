import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'

/** `load_chunks(…)` answers with the newest snapshot of an entity at or below a seqNo, a row for each of its chunks in order, or with no row. */
export function createLoadChunks({ qualified }: Names): string {
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      SELECT c.seq_no, c.append_writer || '-' || c.append_no, c.version, encode(c.bytes, 'hex') FROM ${qualified()} AS c
      WHERE c.type_name = p_type_name AND c.id = p_id AND c.slot = (
        SELECT s.slot FROM ${qualified()} AS s
        WHERE s.type_name = p_type_name AND s.id = p_id AND s.chunk = 0 AND s.seq_no <= p_max_seq_no
        ORDER BY s.seq_no DESC LIMIT 1
      )
      ORDER BY c.chunk;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_load_chunks')} (p_type_name text, p_id uuid, p_max_seq_no bigint)
    RETURNS TABLE (seq_no bigint, append_id text, version integer, bytes text)
    LANGUAGE plpgsql STABLE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: seqNo, appendId, version, and the bytes in hexadecimal. */
export function loadChunks({ qualified }: Names): string {
  return `SELECT seq_no, append_id, version, bytes FROM ${qualified('_load_chunks')}($1, $2, $3)`
}
