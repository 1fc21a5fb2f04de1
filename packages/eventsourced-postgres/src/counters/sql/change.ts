import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { ONLY_READ_COMMITTED } from '../../sql/read-committed.js'
import { CALLER, IS_CALLER, IS_FRESH, MOMENT, namespaceGeneration } from './world.js'

const FITS = 'BETWEEN -9223372036854775808 AND 9223372036854775807'

/**
 * `change(…)` changes the caller's slice of a key. All changes of a key wait for one another at an advisory lock, which costs no write; what they are
 * judged on is read after that, by a statement of its own. A change that was made before is answered as it was then, from the caller's
 * slice, which is therefore never removed with the key.
 *
 * The heartbeat comes last of the locks. It is seldom due, and who holds the caller's row waits for nothing more.
 *
 * As much as can be is said in one query: each expression of PL/pgSQL's own is set up anew in each transaction.
 */
export function createChange(names: Names): string {
  const { qualified, regclass } = names
  const [slices, keys, instances] = [qualified(), qualified('_keys'), qualified('_instances')]
  const body = `
    DECLARE ${MOMENT}
      has_beaten boolean := false;
      is_fresh boolean;
      key_epoch bigint;
      generation bigint;
      namespace_generation bigint;
      after numeric;
    BEGIN
      ${ONLY_READ_COMMITTED}
      PERFORM pg_advisory_xact_lock(hashtextextended(p_namespace || ' ' || p_key, ${regclass()}::oid::bigint));
      LOOP
        SELECT ${IS_FRESH}, k.epoch, i.generation, n.generation, becomes.slice,
          CASE WHEN mine.is_repeated THEN CASE WHEN s.change_no = p_no THEN 'made' ELSE 'late' END END,
          CASE WHEN mine.is_repeated THEN s.answer_total WHEN p_type = 'set' THEN becomes.slice
            ELSE others.sum + CASE WHEN p_type = 'del' THEN mine.slice ELSE becomes.slice END END,
          CASE WHEN mine.is_repeated THEN s.answer_own WHEN p_type IN ('del', 'delOnInstance') THEN mine.slice ELSE becomes.slice END
        INTO is_fresh, key_epoch, generation, namespace_generation, after, outcome, total, own
        FROM ${instances} AS i
        CROSS JOIN (SELECT ${namespaceGeneration(names)} AS generation) AS n
        -- Where there is no such key since the last clear there is no row either, and nothing counts.
        LEFT JOIN ${keys} AS k ON k.namespace = p_namespace AND k.key = p_key AND k.generation = n.generation
        LEFT JOIN ${slices} AS s ON s.namespace = p_namespace AND s.key = p_key AND s.instance_id = p_instance_id
        CROSS JOIN LATERAL (
          SELECT s.change_writer = p_writer AND s.change_no >= p_no AS is_repeated,
            CASE WHEN s.epoch = k.epoch AND s.generation = i.generation THEN s.count ELSE 0 END::numeric AS slice
        ) AS mine
        CROSS JOIN LATERAL (
          SELECT CASE WHEN p_type = 'add' THEN mine.slice + p_count WHEN p_type IN ('del', 'delOnInstance') THEN 0 ELSE p_count END AS slice
        ) AS becomes
        CROSS JOIN LATERAL (
          -- Whether one is alive is looked up by a subquery and not by a join: a join that was planned on small tables may go through all instances
          -- of the namespace for each slice.
          SELECT coalesce(sum(o.count), 0) AS sum FROM ${slices} AS o
          WHERE o.namespace = p_namespace AND o.key = p_key AND o.instance_id <> p_instance_id AND o.epoch = k.epoch AND (
            SELECT j.generation = o.generation AND j.alive_until > moment FROM ${instances} AS j
            WHERE j.namespace = p_namespace AND j.instance_id = o.instance_id)
        ) AS others
        WHERE ${IS_CALLER};
        EXIT WHEN is_fresh OR has_beaten;
        PERFORM ${qualified('_heartbeat')}(p_namespace, p_instance_id, p_alive_for, p_remembered_for, moment);
        has_beaten := true;
      END LOOP;

      IF outcome IS NOT NULL THEN
        RETURN;
      END IF;
      -- What the sums come to is known before anything is written, so what overflows changes nothing.
      IF NOT (total ${FITS} AND own ${FITS}) THEN
        outcome := 'overflow';
        RETURN;
      END IF;
      IF p_type = 'del' THEN
        DELETE FROM ${keys} AS k WHERE k.namespace = p_namespace AND k.key = p_key;
      ELSIF p_type = 'set' OR key_epoch IS NULL THEN
        key_epoch := nextval(${regclass('_epoch')});
        INSERT INTO ${keys} AS k (epoch, generation, namespace, key)
        VALUES (key_epoch, namespace_generation, p_namespace, p_key)
        ON CONFLICT (namespace, key) DO UPDATE SET (epoch, generation) = (excluded.epoch, excluded.generation);
      END IF;
      INSERT INTO ${slices} AS s
        (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer, namespace, key, instance_id)
      VALUES (CASE WHEN p_type IN ('del', 'delOnInstance') THEN 0 ELSE key_epoch END,
        generation, after, p_no, total, own, moment, p_writer, p_namespace, p_key, p_instance_id)
      ON CONFLICT (namespace, key, instance_id) DO UPDATE SET
        (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer) =
        (excluded.epoch, excluded.generation, excluded.count, excluded.change_no, excluded.answer_total, excluded.answer_own,
          excluded.changed_at, excluded.change_writer);
      outcome := 'made';
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_change')} (
      ${CALLER}, p_key text, p_type text, p_count numeric, p_writer uuid, p_no bigint,
      OUT outcome text, OUT total numeric, OUT own numeric
    ) LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: `made`, `late` or `overflow`; and with what the change is, or would be, answered. */
export function change({ qualified }: Names): string {
  return `SELECT outcome, total, own FROM ${qualified('_change')}($2, $3, $4, $5, $1, $6, $7, $8, $9, $10)`
}

/**
 * Calls it for many, one after another in the order of the arrays. Each call has snapshots of its own, newer than its lock. Besides the locks of keys none
 * is held for which another process would wait: instances are each process's own.
 */
export function changes({ qualified }: Names): string {
  return `
    SELECT c.outcome, c.total, c.own
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
      WITH ORDINALITY AS a (namespace, instance_id, alive_for, remembered_for, key, type, count, writer, no, nth)
    CROSS JOIN LATERAL ${qualified('_change')}(a.namespace, a.instance_id, a.alive_for::interval, a.remembered_for::interval, $1,
      a.key, a.type, a.count::numeric, a.writer::uuid, a.no::bigint) AS c
    ORDER BY a.nth`
}
