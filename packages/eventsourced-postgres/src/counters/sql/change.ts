import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { ONLY_READ_COMMITTED } from '../../sql/read-committed.js'
import { CALLER, IS_CALLER, isFresh, MOMENT, namespaceGeneration } from './world.js'

/**
 * `change(…)` changes the caller's slice of a key. All changes of a key wait for one another at an advisory lock, which costs no write; what they are
 * judged on is read after that, by a statement of its own. A change that was made before is answered as it was then, from the caller's
 * slice, which is therefore never removed with the key.
 *
 * The heartbeat comes last of the locks. It is seldom due, and who holds the caller's row waits for nothing more.
 */
export function createChange(names: Names): string {
  const { qualified, regclass } = names
  const [slices, keys, instances] = [qualified(), qualified('_keys'), qualified('_instances')]
  const body = `
    DECLARE ${MOMENT}
      world record;
      has_beaten boolean := false;
      mine numeric := 0;
      others numeric := 0;
      after numeric;
      epoch_after bigint;
    BEGIN
      ${ONLY_READ_COMMITTED}
      PERFORM pg_advisory_xact_lock(hashtextextended(p_namespace || ' ' || p_key, ${regclass()}::oid::bigint));
      LOOP
        SELECT i.alive_until, i.generation, ${namespaceGeneration(names)} AS namespace_generation,
          k.epoch AS key_epoch, k.generation AS key_generation, (
            -- Whether one is alive is looked up by a subquery and not by a join: a join that was planned on small tables may go through all
            -- instances of the namespace for each slice.
            SELECT coalesce(sum(o.count), 0) FROM ${slices} AS o
            WHERE o.namespace = p_namespace AND o.key = p_key AND o.instance_id <> p_instance_id AND o.epoch = k.epoch AND (
              SELECT j.generation = o.generation AND j.alive_until > moment FROM ${instances} AS j
              WHERE j.namespace = p_namespace AND j.instance_id = o.instance_id)
          ) AS others,
          s.epoch, s.generation AS slice_generation, s.count, s.change_no, s.change_writer, s.answer_total, s.answer_own
        INTO world
        FROM ${instances} AS i
        LEFT JOIN ${keys} AS k ON k.namespace = p_namespace AND k.key = p_key
        LEFT JOIN ${slices} AS s ON s.namespace = p_namespace AND s.key = p_key AND s.instance_id = p_instance_id
        WHERE ${IS_CALLER};
        EXIT WHEN has_beaten OR ${isFresh('world')};
        PERFORM ${qualified('_heartbeat')}(p_namespace, p_instance_id, p_alive_for, p_remembered_for, moment);
        has_beaten := true;
      END LOOP;

      IF world.change_writer = p_writer AND world.change_no >= p_no THEN
        outcome := CASE WHEN world.change_no = p_no THEN 'made' ELSE 'late' END;
        total := world.answer_total;
        own := world.answer_own;
        RETURN;
      END IF;

      epoch_after := world.key_epoch;
      IF world.key_generation = world.namespace_generation THEN
        others := world.others;
        IF world.epoch = world.key_epoch AND world.slice_generation = world.generation THEN
          mine := world.count;
        END IF;
      END IF;
      IF p_type IN ('set', 'del') OR world.key_generation IS DISTINCT FROM world.namespace_generation THEN
        epoch_after := nextval(${regclass('_epoch')});
      END IF;

      after := CASE p_type WHEN 'add' THEN mine + p_count WHEN 'del' THEN 0 WHEN 'delOnInstance' THEN 0 ELSE p_count END;
      own := CASE WHEN p_type IN ('del', 'delOnInstance') THEN mine ELSE after END;
      total := CASE p_type WHEN 'set' THEN after WHEN 'del' THEN others + mine ELSE others + after END;
      outcome := 'made';
      -- What the sums come to is known before anything is written, so what overflows changes nothing.
      IF own NOT BETWEEN -9223372036854775808 AND 9223372036854775807
        OR total NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        outcome := 'overflow';
        RETURN;
      END IF;

      IF p_type = 'del' THEN
        DELETE FROM ${keys} AS k WHERE k.namespace = p_namespace AND k.key = p_key;
      ELSIF epoch_after IS DISTINCT FROM world.key_epoch THEN
        INSERT INTO ${keys} (epoch, generation, namespace, key)
        VALUES (epoch_after, world.namespace_generation, p_namespace, p_key)
        ON CONFLICT (namespace, key) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation;
      END IF;
      IF p_type IN ('del', 'delOnInstance') THEN
        epoch_after := 0;
      END IF;
      INSERT INTO ${slices} AS s
        (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer, namespace, key, instance_id)
      VALUES (epoch_after, world.generation, after, p_no, total, own, moment, p_writer, p_namespace, p_key, p_instance_id)
      ON CONFLICT (namespace, key, instance_id) DO UPDATE SET
        (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer) =
        (excluded.epoch, excluded.generation, excluded.count, excluded.change_no, excluded.answer_total, excluded.answer_own,
          excluded.changed_at, excluded.change_writer);
    END`
  return `
    CREATE FUNCTION ${qualified('_change')} (
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
