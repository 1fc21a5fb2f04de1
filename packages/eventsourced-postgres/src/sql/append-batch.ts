import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { evaluate } from './evaluate.js'
import { PINNED } from './pinned.js'
import { refuseKeptBack } from './refuse-kept-back.js'
import { underLock } from './under-lock.js'

/**
 * `append_batch(…)` stores the appends of several entities, each judged on its own, at most one an entity. The arrays have one element an
 * event. `p_append` numbers the append that the event belongs to; `p_expected_position` is NULL but in the first event of each.
 *
 * It answers with the position of the first event, the others' following one by one, whether they are stored or not; and with the numbers
 * of the appends of which nothing is stored, since the head of their entity is not the expected one.
 *
 * The head is looked for from the expected seqNo on: an index scan backwards would read all of the entity's entries on its page for one.
 * Where each append is of one event the insert judges on the way, which saves a pass over the arrays. Else an append is judged whole,
 * before anything is inserted: ON CONFLICT DO NOTHING would store the tail of one whose first event collides.
 */
export function createAppendBatch(names: Names): string {
  const { qualified, regclass, channel } = names
  const head = `
      LEFT JOIN LATERAL (
        SELECT h.seq_no, h.position FROM ${qualified()} AS h
        WHERE h.type_name = e.type_name AND h.id = e.id AND h.seq_no >= e.seq_no - 1
        ORDER BY h.seq_no DESC LIMIT 1
      ) AS head ON true`
  const isExpected = 'coalesce(head.seq_no, 0) = e.seq_no - 1 AND coalesce(head.position, 0) = e.expected_position'
  const insert = `
      INSERT INTO ${qualified()}
        (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
      SELECT first_position + e.nth - 1, e.seq_no, e.append_no, stored_at, e.version, e.slice, e.id,
        e.append_writer, e.type_name, e.type, e.bytes, coalesce(e.metadata, '{}')
      FROM unnest(p_append, p_type_name, p_id, p_slice, p_seq_no, p_expected_position, p_append_writer, p_append_no, p_type, p_version,
        p_bytes, p_metadata) WITH ORDINALITY
        AS e (append, type_name, id, slice, seq_no, expected_position, append_writer, append_no, type, version, bytes, metadata, nth)`
  const body = `
    DECLARE
      stored_at timestamptz;
      stored bigint;
    BEGIN
      ${underLock(names, 'p_lock_timeout')}
      first_position := nextval(${regclass('_position')});
      ${evaluate(`setval(${regclass('_position')}, first_position + cardinality(p_append) - 1)`)}
      stored_at := clock_timestamp();

      IF array_position(p_expected_position, NULL) IS NULL THEN
        ${insert} ${head}
        WHERE ${isExpected};
        GET DIAGNOSTICS stored = ROW_COUNT;
        IF stored < cardinality(p_append) THEN
          SELECT array_agg(e.append) INTO conflicts
          FROM unnest(p_append, p_type_name, p_id, p_seq_no, p_append_writer, p_append_no) WITH ORDINALITY
            AS e (append, type_name, id, seq_no, append_writer, append_no, nth)
          WHERE NOT EXISTS (
            SELECT FROM ${qualified()} AS s
            WHERE s.type_name = e.type_name AND s.id = e.id AND s.seq_no = e.seq_no AND s.position = first_position + e.nth - 1
              AND s.append_writer = e.append_writer AND s.append_no = e.append_no
          );
        END IF;
      ELSE
        SELECT array_agg(e.append) INTO conflicts
        FROM unnest(p_append, p_type_name, p_id, p_seq_no, p_expected_position)
          AS e (append, type_name, id, seq_no, expected_position) ${head}
        WHERE e.expected_position IS NOT NULL AND NOT (${isExpected});
        ${insert}
        WHERE conflicts IS NULL OR e.append <> ALL (conflicts);
        GET DIAGNOSTICS stored = ROW_COUNT;
        ${refuseKeptBack(`stored < cardinality(p_append) AND stored < (
          SELECT count(*) FROM unnest(p_append) AS a (append) WHERE conflicts IS NULL OR a.append <> ALL (conflicts))`)}
      END IF;

      ${evaluate(`pg_notify(${escapeLiteral(channel)}, p_notification)`)}
      RETURN NEXT;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_append_batch')} (
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
