import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { beat, CALLER, CALLER_VARIABLES, IS_CALLER, namespaceGeneration, sumOfOthers } from './world.js'

/** `counts(…)` answers with a key's total and the caller's slice, as one statement sees them. */
export function createCounts(names: Names): string {
  const { qualified } = names
  const body = `
    DECLARE ${CALLER_VARIABLES}
    BEGIN
      ${beat(names)}
      RETURN QUERY
      SELECT (${sumOfOthers(names, 'k.epoch')}) + coalesce(mine.count, 0), coalesce(mine.count, 0)
      FROM ${qualified('_keys')} AS k
      LEFT JOIN LATERAL (
        SELECT s.count FROM ${qualified()} AS s
        JOIN ${qualified('_instances')} AS i ON ${IS_CALLER} AND i.generation = s.generation
        WHERE s.namespace = p_namespace AND s.key = p_key AND s.instance_id = p_instance_id AND s.epoch = k.epoch
      ) AS mine ON true
      WHERE k.namespace = p_namespace AND k.key = p_key AND k.generation = ${namespaceGeneration(names)};
    END`
  return `
    CREATE FUNCTION ${qualified('_counts')} (${CALLER}, p_key text)
    RETURNS TABLE (total numeric, own bigint) LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: the total, which may not fit 64 bits, and the caller's slice. No row if there is no such key. */
export function counts({ qualified }: Names): string {
  return `SELECT total, own FROM ${qualified('_counts')}($1, $2, $3, $4, $5, $6)`
}
