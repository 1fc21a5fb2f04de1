import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { PINNED } from './pinned.js'

/**
 * `save_snapshot(…)` saves a snapshot unless there is a newer one, keeps the newest `p_keep`, and answers with the seqNo of the oldest kept.
 * The lock makes the saves of an entity wait for one another, be there rows to lock or none yet.
 */
export function createSaveSnapshot({ qualified, regclass }: Names): string {
  const ofEntity = `${qualified()} AS s WHERE s.type_name = p_type_name AND s.id = p_id`
  const body = `
    DECLARE
      place integer;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended(p_type_name || ' ' || p_id::text, ${regclass()}::oid::bigint));
      IF NOT EXISTS (SELECT FROM ${ofEntity} AND s.seq_no > p_seq_no) THEN
        place := coalesce(
          (SELECT s.slot FROM ${ofEntity} AND s.seq_no = p_seq_no),
          (SELECT s.slot FROM ${ofEntity} ORDER BY s.seq_no DESC OFFSET p_keep - 1 LIMIT 1),
          (SELECT max(s.slot) + 1 FROM ${ofEntity}),
          0);
        INSERT INTO ${qualified()} AS s (seq_no, append_no, time, version, slot, id, append_writer, type_name, bytes)
        VALUES (p_seq_no, p_append_no, clock_timestamp(), p_version, place, p_id, p_append_writer, p_type_name, p_bytes)
        ON CONFLICT (type_name, id, slot) DO UPDATE SET (seq_no, append_no, time, version, append_writer, bytes)
          = (excluded.seq_no, excluded.append_no, excluded.time, excluded.version, excluded.append_writer, excluded.bytes);
        DELETE FROM ${ofEntity} AND s.slot IN (SELECT s.slot FROM ${ofEntity} ORDER BY s.seq_no DESC OFFSET p_keep);
      END IF;
      RETURN (SELECT min(s.seq_no) FROM ${ofEntity});
    END`
  return `
    CREATE FUNCTION ${qualified('_save_snapshot')} (
      p_type_name text, p_id uuid, p_seq_no bigint, p_append_writer uuid, p_append_no bigint, p_version integer, p_bytes bytea, p_keep bigint
    ) RETURNS bigint LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The column: the seqNo of the oldest snapshot kept. */
export function saveSnapshot({ qualified }: Names): string {
  return `SELECT ${qualified('_save_snapshot')}($1, $2, $3, $4, $5, $6, $7, $8)`
}
