import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { PINNED } from './pinned.js'

/**
 * `head_position()` answers with the position of the newest event of the log, or with 0. It goes from type to type, one index probe each,
 * and not by the sequence, which counts what is not visible yet and what was never stored.
 */
export function createHeadPosition({ qualified }: Names): string {
  const body = `
    DECLARE
      head bigint;
    BEGIN
      WITH RECURSIVE types AS (
        (SELECT e.type_name, e.position FROM ${qualified()} AS e ORDER BY e.type_name DESC, e.position DESC LIMIT 1)
        UNION ALL
        SELECT next.type_name, next.position FROM types AS t CROSS JOIN LATERAL (
          SELECT e.type_name, e.position FROM ${qualified()} AS e
          WHERE e.type_name < t.type_name ORDER BY e.type_name DESC, e.position DESC LIMIT 1
        ) AS next
      )
      SELECT coalesce(max(t.position), 0) INTO head FROM types AS t;
      RETURN head;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_head_position')} ()
    RETURNS bigint LANGUAGE plpgsql STABLE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: how long it may wait for a lock on the table, which where it is part of another function is that one's matter; the position. */
export function headPosition({ qualified }: Names): string {
  return `SELECT set_config('lock_timeout', '10s', true), ${qualified('_head_position')}()`
}
