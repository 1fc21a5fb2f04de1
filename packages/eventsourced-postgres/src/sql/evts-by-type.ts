import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { BACKEND_COLUMNS } from './backend.js'
import { listOf, PAGE_COLUMNS, page } from './evts-page.js'
import { BOUNDED } from './pinned.js'

/**
 * `page_by_type(…)` reads a page of a type's events behind a position, tombstones left out, of some slices only if they are given. It goes by
 * (type_name, position), the slices as a filter: an index with the slice in the middle would cost a sort of each page.
 */
export function createEvtsByType({ qualified }: Names): string {
  const scanned = `
    SELECT e.* FROM ${qualified()} AS e
    WHERE e.type_name = p_type_name AND e.position > p_after
    ORDER BY e.position LIMIT p_max_rows`
  const wanted = '(s.bytes IS NOT NULL AND (p_slices IS NULL OR s.slice = ANY (p_slices)))'
  const body = page({ scanned, by: 'position', wanted, ids: listOf('s.id::text') })
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_page_by_type')} (
      p_type_name text, p_after bigint, p_slices smallint[], p_max_rows bigint, p_max_bytes bigint
    ) RETURNS TABLE (${PAGE_COLUMNS}) LANGUAGE plpgsql STABLE ${BOUNDED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns of its only row: those of a page, and who answers. */
export function evtsByType({ qualified }: Names): string {
  return `SELECT *, ${BACKEND_COLUMNS} FROM ${qualified('_page_by_type')}($1, $2, $3, $4, $5)`
}
