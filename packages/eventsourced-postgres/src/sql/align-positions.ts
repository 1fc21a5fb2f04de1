import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { underLock } from './under-lock.js'

/**
 * `align_positions(…)` moves the sequence of positions past the newest event, should it have fallen behind, and answers with where it stood,
 * else with NULL. Logical replication doesn't carry sequences: after a switch to such a replica new events would get positions that readers
 * have passed. So each connection that appends begins with it.
 */
export function createAlignPositions(names: Names): string {
  const { qualified, regclass } = names
  const body = `
    DECLARE
      stands bigint;
    BEGIN
      PERFORM set_config('lock_timeout', p_lock_timeout, true);
      SELECT last_value INTO stands FROM ${qualified('_position')};
      IF stands >= ${qualified('_head_position')}() THEN
        RETURN NULL;
      END IF;
      ${underLock(names, 'p_lock_timeout')}
      SELECT last_value INTO stands FROM ${qualified('_position')};
      IF stands >= ${qualified('_head_position')}() THEN
        RETURN NULL;
      END IF;
      PERFORM setval(${regclass('_position')}, ${qualified('_head_position')}());
      RETURN stands;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_align_positions')} (p_lock_timeout text)
    RETURNS bigint LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. The column: where the sequence stood, or NULL. */
export function alignPositions({ qualified }: Names): string {
  return `SELECT ${qualified('_align_positions')}($1)`
}
