import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { evaluate } from './evaluate.js'
import { PINNED } from './pinned.js'
import { refuseKeptBack } from './refuse-kept-back.js'
import { underLock } from './under-lock.js'

/**
 * `append_one(…)` stores one event, if the entity's head is the expected one, and answers with its position, or with NULL if another event
 * stands where the head should be.
 */
export function createAppendOne(names: Names): string {
  const { qualified, regclass, channel } = names
  const body = `
    DECLARE
      head_seq_no bigint;
      head_position bigint;
      stored bigint;
    BEGIN
      ${underLock(names, 'p_lock_timeout')}
      SELECT h.seq_no, h.position INTO head_seq_no, head_position FROM ${qualified()} AS h
      WHERE h.type_name = p_type_name AND h.id = p_id AND h.seq_no >= p_expected_seq_no
      ORDER BY h.seq_no DESC LIMIT 1;
      IF coalesce(head_seq_no, 0) <> p_expected_seq_no OR coalesce(head_position, 0) <> p_expected_position THEN
        RETURN NULL;
      END IF;
      stored := nextval(${regclass('_position')});
      INSERT INTO ${qualified()}
        (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
      VALUES (stored, p_expected_seq_no + 1, p_append_no, clock_timestamp(), p_version, p_slice, p_id,
        p_append_writer, p_type_name, p_type, p_bytes, coalesce(p_metadata, '{}'));
      ${refuseKeptBack('NOT FOUND')}
      ${evaluate(`pg_notify(${escapeLiteral(channel)}, p_type_name || '.' || p_slice)`)}
      RETURN stored;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_append_one')} (
      p_lock_timeout text, p_type_name text, p_id uuid, p_slice smallint, p_expected_seq_no bigint, p_expected_position bigint,
      p_append_writer uuid, p_append_no bigint, p_type text, p_version integer, p_bytes bytea, p_metadata jsonb
    ) RETURNS bigint LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: the position, or NULL. */
export function appendOne({ qualified }: Names): string {
  return `SELECT ${qualified('_append_one')}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
}
