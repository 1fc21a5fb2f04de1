import type { Names } from '../names.js'

/** The columns of a slice's record. */
export const RECORD_COLUMNS = 'slice, epoch, revision, position, append_id, id, seq_no, failure, done'

/**
 * Makes a slice an epoch's, unless a later one has it: then there is no row. The row's lock waits for a commit that is under way, and the new
 * revision fences off those to come. The columns: the record's.
 */
export function claimSlice({ qualified, regclass }: Names): string {
  return `
    INSERT INTO ${qualified()} AS s (name, version, slice, epoch, revision, position, append_id, id, seq_no)
    VALUES ($1, $2, $3, $4, nextval(${regclass('_revision')}), 0, '', '', 0)
    ON CONFLICT (name, version, slice) DO UPDATE SET epoch = excluded.epoch, revision = excluded.revision WHERE s.epoch <= excluded.epoch
    RETURNING ${RECORD_COLUMNS}`
}

/** The ids of the entities of a slice that have parked events. To be asked after the claim, which only then tells all. */
export function parkedIds({ qualified }: Names): string {
  return `SELECT DISTINCT id FROM ${qualified('_parked')} WHERE name = $1 AND version = $2 AND slice = $3`
}
