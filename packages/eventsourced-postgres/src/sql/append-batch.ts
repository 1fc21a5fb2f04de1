import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { PINNED } from './pinned.js'
import { underLock } from './under-lock.js'

/**
 * `append_batch(…)` stores the appends of several entities, each judged on its own, at most one an entity. The arrays have one element an
 * event. `p_append` numbers the append that the event belongs to; `p_expected_position` is NULL but in the first event of each.
 *
 * It answers with the position of the first event, the others' following one by one, whether they are stored or not; and with the numbers
 * of the appends of which nothing is stored, since the head of their entity is not the expected one.
 *
 * The head is looked for from the expected seqNo on: an index scan backwards would read all of the entity's entries on its page for one.
 * An append is judged whole, before anything is inserted: ON CONFLICT DO NOTHING would store the tail of one whose first event collides.
 */
export function createAppendBatch(names: Names): string {
  const { qualified, regclass, channel } = names
  const body = `
    DECLARE
      stored_at timestamptz;
    BEGIN
      ${underLock(names, 'p_lock_timeout')}
      SELECT array_agg(a.append) INTO conflicts
      FROM unnest(p_append, p_type_name, p_id, p_seq_no, p_expected_position)
        AS a (append, type_name, id, seq_no, expected_position)
      LEFT JOIN LATERAL (
        SELECT h.seq_no, h.position FROM ${qualified()} AS h
        WHERE h.type_name = a.type_name AND h.id = a.id AND h.seq_no >= a.seq_no - 1
        ORDER BY h.seq_no DESC LIMIT 1
      ) AS head ON true
      WHERE a.expected_position IS NOT NULL
        AND (coalesce(head.seq_no, 0) <> a.seq_no - 1 OR coalesce(head.position, 0) <> a.expected_position);

      first_position := nextval(${regclass('_position')});
      PERFORM setval(${regclass('_position')}, first_position + cardinality(p_append) - 1);
      stored_at := clock_timestamp();

      INSERT INTO ${qualified()}
        (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
      SELECT first_position + e.nth - 1, e.seq_no, e.append_no, stored_at, e.version, e.slice, e.id,
        e.append_writer, e.type_name, e.type, e.bytes, coalesce(e.metadata, '{}')
      FROM unnest(p_append, p_type_name, p_id, p_slice, p_seq_no, p_append_writer, p_append_no, p_type, p_version, p_bytes, p_metadata)
        WITH ORDINALITY
        AS e (append, type_name, id, slice, seq_no, append_writer, append_no, type, version, bytes, metadata, nth)
      WHERE conflicts IS NULL OR e.append <> ALL (conflicts);

      PERFORM pg_notify(${escapeLiteral(channel)}, p_notification);
      RETURN NEXT;
    END`
  return `
    CREATE FUNCTION ${qualified('_append_batch')} (
      p_lock_timeout text, p_notification text, p_append integer[], p_type_name text[], p_id uuid[], p_slice smallint[],
      p_seq_no bigint[], p_expected_position bigint[], p_append_writer uuid[], p_append_no bigint[], p_type text[],
      p_version integer[], p_bytes bytea[], p_metadata jsonb[], OUT first_position bigint, OUT conflicts integer[]
    ) RETURNS SETOF record LANGUAGE plpgsql VOLATILE ROWS 1 ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: the first position; the numbers of the appends that conflict, as an array in PostgreSQL's text form, or NULL. */
export function appendBatch({ qualified }: Names): string {
  return `
    SELECT first_position, conflicts
    FROM ${qualified('_append_batch')}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
}
