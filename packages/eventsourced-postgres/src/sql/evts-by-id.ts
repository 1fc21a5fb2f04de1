import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BACKEND_COLUMNS } from './backend.js'
import { PAGE_COLUMNS, page } from './evts-page.js'
import { BOUNDED } from './pinned.js'

/** `page_by_id(…)` reads a page of an entity's events from one seqNo to another, both inclusive, tombstones left out. */
export function createEvtsById({ qualified }: Names): string {
  const scanned = `
    SELECT e.* FROM ${qualified()} AS e
    WHERE e.type_name = p_type_name AND e.id = p_id AND e.seq_no >= p_from AND e.seq_no <= p_to
    ORDER BY e.seq_no LIMIT p_max_rows`
  const body = page({ scanned, by: 'seq_no', wanted: 's.bytes IS NOT NULL', ids: 'NULL::text' })
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_page_by_id')} (
      p_type_name text, p_id uuid, p_from bigint, p_to bigint, p_max_rows bigint, p_max_bytes bigint
    ) RETURNS TABLE (${PAGE_COLUMNS}) LANGUAGE plpgsql STABLE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns of its only row: those of a page, and who answers. */
export function evtsById({ qualified }: Names): string {
  return `SELECT *, ${BACKEND_COLUMNS} FROM ${qualified('_page_by_id')}($1, $2, $3, $4, $5, $6)`
}
