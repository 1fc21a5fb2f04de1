import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { beat, CALLER, MOMENT, IS_CALLER, namespaceGeneration } from './world.js'

/** `slices(…)` answers with what each living instance has contributed to a key. */
export function createSlices(names: Names): string {
  const { qualified } = names
  const body = `
    DECLARE ${MOMENT}
    BEGIN
      ${beat(names)}
      RETURN QUERY
      SELECT s.instance_id, s.count
      FROM ${qualified('_keys')} AS k
      JOIN ${qualified()} AS s ON s.namespace = k.namespace AND s.key = k.key AND s.epoch = k.epoch
      JOIN ${qualified('_instances')} AS i
        ON i.namespace = s.namespace AND i.instance_id = s.instance_id AND i.generation = s.generation
      WHERE k.namespace = p_namespace AND k.key = p_key AND k.generation = ${namespaceGeneration(names, 'p_namespace')}
        AND (i.alive_until > moment OR ${IS_CALLER});
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_slices')} (${CALLER}, p_key text)
    RETURNS TABLE (id text, slice bigint) LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: an instance's id, and its slice. */
export function slices({ qualified }: Names): string {
  return `SELECT id, slice FROM ${qualified('_slices')}($1, $2, $3, $4, $5, $6)`
}

/** Calls it, and sums up. The columns: the total, which may not fit 64 bits, and the caller's slice. */
export function counts(names: Names): string {
  return `SELECT coalesce(sum(slice), 0), coalesce(sum(slice) FILTER (WHERE id = $2), 0) FROM (${slices(names)}) AS of_key`
}
