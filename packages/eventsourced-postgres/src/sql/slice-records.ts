import type { Names } from '../names.js'
import { RECORD_COLUMNS } from './claim-slice.js'

/** The records of some slices, of all where they are NULL, in order. The columns: the record's. */
export function sliceRecords({ qualified }: Names): string {
  return `
    SELECT ${RECORD_COLUMNS} FROM ${qualified()}
    WHERE name = $1 AND version = $2 AND ($3::smallint[] IS NULL OR slice = ANY ($3::smallint[])) ORDER BY slice`
}

/** Deletes all records of a projection's version, and all that it has parked. */
export function removeProjection({ qualified }: Names): string {
  return `
    WITH records AS (DELETE FROM ${qualified()} WHERE name = $1 AND version = $2)
    DELETE FROM ${qualified('_parked')} WHERE name = $1 AND version = $2`
}
