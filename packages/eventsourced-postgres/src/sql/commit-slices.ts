import { escapeLiteral } from 'pg'
import { FENCED, TRANSACTION_ENDED } from '../errors/sqlstate.js'
import type { Names } from '../names.js'

/** Set for as long as a transaction of ours lasts, so that it is noticed if somebody else has ended it. */
export const TRANSACTION_SETTING = 'eventsourced.transaction'

/**
 * `commit_slices(…)` moves those slices whose revision is still the one given, each whole: its record, the events to park, and those to park no
 * longer. It answers with the new revisions of those that it has moved. The rows are locked in order, so that commits never wait for each
 * other in a circle. Moves come as JSON: few of them have anything to park. Where `p_transaction` names a transaction, it must still be that one, and a slice
 * that is fenced off is an error, which names all that are: a COMMIT may already be on its way behind the call.
 */
export function createCommitSlices({ qualified, regclass }: Names): string {
  const body = `
    #variable_conflict use_column
    DECLARE
      moving smallint[];
      fenced text;
    BEGIN
      IF p_transaction IS DISTINCT FROM nullif(current_setting('${TRANSACTION_SETTING}', true), '') THEN
        RAISE EXCEPTION 'the transaction has ended before its time' USING ERRCODE = '${TRANSACTION_ENDED}';
      END IF;
      SELECT array_agg(locked.slice) INTO moving FROM (
        SELECT s.slice FROM jsonb_to_recordset(p_moves) AS m (slice smallint, revision bigint)
        JOIN ${qualified()} AS s ON s.name = p_name AND s.version = p_version AND s.slice = m.slice AND s.revision = m.revision
        ORDER BY s.slice FOR UPDATE OF s
      ) AS locked;
      IF p_transaction IS NOT NULL AND jsonb_array_length(p_moves) > coalesce(cardinality(moving), 0) THEN
        SELECT string_agg(m.slice::text, ',' ORDER BY m.slice) INTO fenced FROM jsonb_to_recordset(p_moves) AS m (slice smallint)
        WHERE m.slice <> ALL (coalesce(moving, '{}'));
        RAISE EXCEPTION 'slices are fenced off' USING ERRCODE = '${FENCED}', DETAIL = fenced;
      END IF;
      IF p_moves @? '$[*].unpark[0]' THEN
        DELETE FROM ${qualified('_parked')} AS p
        USING jsonb_to_recordset(p_moves) AS m (slice smallint, unpark jsonb), jsonb_array_elements_text(m.unpark) AS gone (position)
        WHERE m.slice = ANY (moving) AND p.name = p_name AND p.version = p_version AND p.position = gone.position::bigint;
      END IF;
      IF p_moves @? '$[*].park[0]' THEN
        INSERT INTO ${qualified('_parked')} (name, version, slice, position, type_name, id, seq_no, append_id, type, evt_version, bytes, time,
          metadata, failure)
        SELECT p_name, p_version, m.slice, e.position, e.type_name, e.id, e.seq_no, e.append_id, e.type, e.version, decode(e.bytes, 'base64'),
          e.time, e.metadata, e.failure
        FROM jsonb_to_recordset(p_moves) AS m (slice smallint, park jsonb), jsonb_to_recordset(m.park) AS e (position bigint, type_name text,
          id text, seq_no bigint, append_id text, type text, version integer, bytes text, time bigint, metadata text, failure text)
        WHERE m.slice = ANY (moving)
        ON CONFLICT (name, version, position) DO UPDATE SET (slice, type_name, id, seq_no, append_id, type, evt_version, bytes, time, metadata, failure)
          = (excluded.slice, excluded.type_name, excluded.id, excluded.seq_no, excluded.append_id, excluded.type, excluded.evt_version,
            excluded.bytes, excluded.time, excluded.metadata, excluded.failure);
      END IF;
      RETURN QUERY
      UPDATE ${qualified()} AS s SET revision = nextval(${regclass('_revision')}), position = m.position, append_id = m.append_id, id = m.id,
        seq_no = m.seq_no, failure = m.failure, done = m.done
      FROM jsonb_to_recordset(p_moves) AS m (slice smallint, position bigint, append_id text, id text, seq_no bigint, failure text, done text)
      WHERE s.name = p_name AND s.version = p_version AND s.slice = m.slice AND s.slice = ANY (moving)
      RETURNING s.slice, s.revision;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_commit_slices')} (p_name text, p_version integer, p_moves jsonb, p_transaction text)
    RETURNS TABLE (slice smallint, revision bigint) LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: slice and new revision of each that was moved. */
export function commitSlices({ qualified }: Names): string {
  return `SELECT slice, revision FROM ${qualified('_commit_slices')}($1, $2, $3, $4)`
}
