import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'

/**
 * `delete_evts(…)` deletes an entity's events up to a seqNo, and makes a tombstone of the newest. It needs no lock: an event that another
 * writer stores meanwhile is newer than the head that is read here, and only what is older than that head disappears.
 */
export function createDeleteEvts({ qualified }: Names): string {
  const body = `
    DECLARE
      head bigint;
    BEGIN
      SELECT e.seq_no INTO head FROM ${qualified()} AS e
      WHERE e.type_name = p_type_name AND e.id = p_id
      ORDER BY e.seq_no DESC LIMIT 1;
      DELETE FROM ${qualified()} AS e
      WHERE e.type_name = p_type_name AND e.id = p_id AND e.seq_no <= p_to AND e.seq_no < head;
      UPDATE ${qualified()} AS e SET bytes = NULL, metadata = '{}'
      WHERE e.type_name = p_type_name AND e.id = p_id AND e.seq_no <= p_to AND e.seq_no = head AND e.bytes IS NOT NULL;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_delete_evts')} (p_type_name text, p_id uuid, p_to bigint)
    RETURNS void LANGUAGE plpgsql VOLATILE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function deleteEvts({ qualified }: Names): string {
  return `SELECT ${qualified('_delete_evts')}($1, $2, $3)`
}
