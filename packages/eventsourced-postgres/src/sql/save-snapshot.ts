import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BOUNDED } from './pinned.js'
import { CHUNK_BYTES } from './snapshots-in-chunks.js'
import { underSnapshotLock } from './under-snapshot-lock.js'

/** How many rows that a shorter state leaves empty are kept, to be filled again. */
const SPARE_CHUNKS = 128

/**
 * `save_snapshot(…)` saves a snapshot unless there is a newer one, keeps the newest `p_keep`, and answers with the seqNo of the oldest kept. It
 * overwrites the rows of the one that is to go, and adds those that are missing. Rows that are left over become empty: deleted and added again their
 * room would be gone until a vacuum.
 */
export function createSaveSnapshot(names: Names): string {
  const { qualified } = names
  const ofEntity = `${qualified()} AS s WHERE s.type_name = p_type_name AND s.id = p_id`
  const snapshots = `${ofEntity} AND s.chunk = 0`
  const chunk = (no: string) => `substr(p_bytes, ${no} * ${CHUNK_BYTES} + 1, ${CHUNK_BYTES})`
  const body = `
    DECLARE
      chunks integer := greatest(1, (length(p_bytes) + ${CHUNK_BYTES - 1}) / ${CHUNK_BYTES});
      place integer;
      present integer;
    BEGIN
      ${underSnapshotLock(names)}
      IF NOT EXISTS (SELECT FROM ${snapshots} AND s.seq_no > p_seq_no) THEN
        place := coalesce(
          (SELECT s.slot FROM ${snapshots} AND s.seq_no = p_seq_no),
          (SELECT s.slot FROM ${snapshots} ORDER BY s.seq_no DESC OFFSET p_keep - 1 LIMIT 1),
          (SELECT max(s.slot) + 1 FROM ${snapshots}),
          0);
        UPDATE ${qualified()} AS s SET (seq_no, append_no, time, version, append_writer, bytes)
          = (p_seq_no, p_append_no, clock_timestamp(), p_version, p_append_writer, ${chunk('s.chunk')})
        WHERE s.type_name = p_type_name AND s.id = p_id AND s.slot = place AND s.chunk < chunks + ${SPARE_CHUNKS};
        GET DIAGNOSTICS present = ROW_COUNT;
        INSERT INTO ${qualified()} (seq_no, append_no, time, version, slot, id, append_writer, type_name, chunk, bytes)
        SELECT p_seq_no, p_append_no, clock_timestamp(), p_version, place, p_id, p_append_writer, p_type_name, c.no, ${chunk('c.no')}
        FROM generate_series(present, chunks - 1) AS c (no);
        DELETE FROM ${ofEntity} AND s.slot = place AND s.chunk >= chunks + ${SPARE_CHUNKS};
        DELETE FROM ${ofEntity} AND s.slot IN (SELECT s.slot FROM ${snapshots} ORDER BY s.seq_no DESC OFFSET p_keep);
      END IF;
      RETURN (SELECT min(s.seq_no) FROM ${snapshots});
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_save_snapshot')} (
      p_type_name text, p_id uuid, p_seq_no bigint, p_append_writer uuid, p_append_no bigint, p_version integer, p_bytes bytea, p_keep bigint
    ) RETURNS bigint LANGUAGE plpgsql VOLATILE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The column: the seqNo of the oldest snapshot kept. */
export function saveSnapshot({ qualified }: Names): string {
  return `SELECT ${qualified('_save_snapshot')}($1, $2, $3, $4, $5, $6, $7, $8)`
}
