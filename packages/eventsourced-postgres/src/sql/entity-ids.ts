import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'

/**
 * `entity_ids(…)` answers with the entities of a type in descending order of id, those before (`p_id`, `p_seq_no`), and of each whether it has
 * events or a tombstone only. One index probe an entity: going down, each probe finds the last event of the next one, which tells.
 */
export function createEntityIds({ qualified }: Names): string {
  const nextBefore = (id: string, seqNo: string): string => `
    SELECT e.id, e.bytes IS NOT NULL AS has_evts FROM ${qualified()} AS e
    WHERE e.type_name = p_type_name AND (e.id, e.seq_no) < (${id}, ${seqNo})
    ORDER BY e.id DESC, e.seq_no DESC LIMIT 1`
  const body = `
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH RECURSIVE entities AS (
        (SELECT 1 AS nth, first.id, first.has_evts FROM (${nextBefore('p_id', 'p_seq_no')}) AS first)
        UNION ALL
        SELECT d.nth + 1, next.id, next.has_evts
        FROM entities AS d CROSS JOIN LATERAL (${nextBefore('d.id', '0')}) AS next
        WHERE d.nth < p_max_rows
      )
      SELECT d.id, d.has_evts FROM entities AS d ORDER BY d.nth;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_entity_ids')} (p_type_name text, p_id uuid, p_seq_no bigint, p_max_rows bigint)
    RETURNS TABLE (id uuid, has_evts boolean) LANGUAGE plpgsql STABLE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: the id, whether it has events. */
export function entityIds({ qualified }: Names): string {
  return `SELECT id, has_evts FROM ${qualified('_entity_ids')}($1, $2, $3, $4)`
}
