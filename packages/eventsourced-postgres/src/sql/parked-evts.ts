import type { Names } from '../names.js'

/** How many events a projection has parked. */
export function parkedCount({ qualified }: Names): string {
  return `SELECT count(*) FROM ${qualified('_parked')} WHERE name = $1 AND version = $2`
}

/** A page of parked events behind a position, of a slice and of an entity unless they are NULL, in order. */
export function parkedEvts({ qualified }: Names): string {
  return `
    SELECT position, type_name, id, seq_no, append_id, type, evt_version, encode(bytes, 'hex'), time, metadata, failure
    FROM ${qualified('_parked')}
    WHERE name = $1 AND version = $2 AND position > $3 AND ($4::smallint IS NULL OR slice = $4) AND ($5::text IS NULL OR id = $5)
    ORDER BY position LIMIT $6`
}
