import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { MOMENT } from './world.js'

/** For how long a slice that is void is kept for the change that it remembers. */
const REMEMBERED = "interval '7 days'"

/**
 * `sweep(…)` removes what can never count again: instances that are forgotten with their slices, slices that have long been void, and keys of older
 * generations. It is the one thing here that reads whole tables; one process at a time does it, and nobody waits for it.
 *
 * Nor does it wait for a change: a row that one holds is left for the next sweep, so that the two never wait for each other, whatever the order in which
 * they take rows. Who comes back after being forgotten waits at the instance's row until its slices are gone.
 *
 * A row that was changed since a statement began is judged as it is by then, but beside other tables' rows as they were. So the conditions are such
 * that a change makes them false by itself: it is recent, and the generations of a namespace rise.
 */
export function createSweep({ qualified, regclass }: Names): string {
  const [slices, keys, instances] = [qualified(), qualified('_keys'), qualified('_instances')]
  const body = `
    DECLARE ${MOMENT}
    BEGIN
      IF NOT pg_try_advisory_xact_lock(hashtextextended('sweep', ${regclass()}::oid::bigint)) THEN
        RETURN;
      END IF;
      WITH forgotten AS (
        SELECT i.namespace, i.instance_id FROM ${instances} AS i WHERE i.forgotten_from <= moment FOR UPDATE SKIP LOCKED
      ), left_behind AS (
        DELETE FROM ${slices} AS s USING forgotten AS f WHERE s.namespace = f.namespace AND s.instance_id = f.instance_id
      )
      DELETE FROM ${instances} AS i USING forgotten AS f WHERE i.namespace = f.namespace AND i.instance_id = f.instance_id;
      -- One of the present generation stays: a change may be about to write the first slice.
      DELETE FROM ${keys} WHERE ctid = ANY (ARRAY(
        SELECT k.ctid FROM ${keys} AS k JOIN ${qualified('_namespaces')} AS n ON n.namespace = k.namespace AND n.generation > k.generation
        FOR UPDATE OF k SKIP LOCKED
      ));
      DELETE FROM ${slices} WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM ${slices} AS s WHERE s.changed_at < moment - ${REMEMBERED} AND NOT EXISTS (
          SELECT FROM ${keys} AS k, ${instances} AS i
          WHERE k.namespace = s.namespace AND k.key = s.key AND k.epoch = s.epoch
            AND i.namespace = s.namespace AND i.instance_id = s.instance_id AND i.generation = s.generation)
        FOR UPDATE SKIP LOCKED
      ));
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_sweep')} (p_now timestamptz)
    RETURNS void LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function sweep({ qualified }: Names): string {
  return `SELECT ${qualified('_sweep')}($1)`
}
