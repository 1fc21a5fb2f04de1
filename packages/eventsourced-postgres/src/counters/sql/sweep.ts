import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'

/** For how long a slice that is void is kept for the change that it remembers. */
const REMEMBERED = "interval '7 days'"

/**
 * `sweep(…)` removes what can never count again: instances that are forgotten with their slices, slices that have long been void, and keys of older
 * generations. It is the one thing here that reads whole tables; one process at a time does it, and nobody waits for it.
 *
 * A key of the current generation is never removed: a change may hold its row and be about to write the first slice.
 */
export function createSweep({ qualified, regclass }: Names): string {
  const body = `
    DECLARE
      moment timestamptz := coalesce(p_now, clock_timestamp());
    BEGIN
      IF NOT pg_try_advisory_xact_lock(hashtextextended('sweep', ${regclass()}::oid::bigint)) THEN
        RETURN;
      END IF;
      DELETE FROM ${qualified('_instances')} AS i WHERE i.forgotten_from <= moment;
      DELETE FROM ${qualified()} AS s
      WHERE NOT EXISTS (
          SELECT FROM ${qualified('_instances')} AS i WHERE i.namespace = s.namespace AND i.instance_id = s.instance_id)
        OR s.changed_at < moment - ${REMEMBERED} AND NOT EXISTS (
          SELECT FROM ${qualified('_keys')} AS k WHERE k.namespace = s.namespace AND k.key = s.key AND k.epoch = s.epoch);
      DELETE FROM ${qualified('_keys')} AS k USING ${qualified('_namespaces')} AS n
      WHERE n.namespace = k.namespace AND n.generation <> k.generation;
    END`
  return `
    CREATE FUNCTION ${qualified('_sweep')} (p_now timestamptz)
    RETURNS void LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function sweep({ qualified }: Names): string {
  return `SELECT ${qualified('_sweep')}($1)`
}
