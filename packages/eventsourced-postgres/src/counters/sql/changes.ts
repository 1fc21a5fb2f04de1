import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { ONLY_READ_COMMITTED } from '../../sql/read-committed.js'
import { isFresh, MOMENT, namespaceGeneration } from './world.js'

/**
 * `changes(…)` makes changes, at most one a key, each of its instance's slice of the key. It answers in the same order: `made`, `late` or `overflow`, and
 * with what the change is, or would be, answered. The arrays have one element a change.
 *
 * All changes of a key wait for one another at an advisory lock, which costs no write. The locks are taken in the order of the arrays and held to the
 * commit, so all callers must name their keys in one and the same order. What changes are judged on is read after that, by a statement of its own, which
 * is set up once for all of them. A change that was made before is answered as it was then, from its slice, which is therefore never removed with the key.
 *
 * Heartbeats come after the locks. They are seldom due, and other processes never wait for an instance's row.
 */
export function createChanges(names: Names): string {
  const { qualified, regclass } = names
  const [slices, keys, instances] = [qualified(), qualified('_keys'), qualified('_instances')]
  const body = `
    DECLARE ${MOMENT}
      change record;
      mine numeric;
      others numeric;
      after numeric;
      epoch_after bigint;
    BEGIN
      ${ONLY_READ_COMMITTED}
      PERFORM pg_advisory_xact_lock(hashtextextended(c.namespace || ' ' || c.key, ${regclass()}::oid::bigint))
      FROM unnest(p_namespaces, p_keys) AS c (namespace, key);

      PERFORM ${qualified('_heartbeat')}(c.namespace, c.instance_id, c.alive_for, c.remembered_for, moment)
      FROM (
        SELECT DISTINCT c.namespace, c.instance_id, c.alive_ms * interval '1 ms' AS alive_for, c.remembered_ms * interval '1 ms' AS remembered_for
        FROM unnest(p_namespaces, p_instance_ids, p_alive_ms, p_remembered_ms) AS c (namespace, instance_id, alive_ms, remembered_ms)
      ) AS c
      LEFT JOIN ${instances} AS i ON i.namespace = c.namespace AND i.instance_id = c.instance_id
      WHERE (${isFresh('c.alive_for')}) IS NOT TRUE;

      FOR change IN
        SELECT c.namespace, c.instance_id, c.key, c.type, c.count::numeric AS count, c.writer, c.no,
          i.generation, ${namespaceGeneration(names, 'c.namespace')} AS namespace_generation,
          k.epoch AS key_epoch, k.generation AS key_generation, (
            -- Whether one is alive is looked up by a subquery and not by a join: a join that was planned on small tables may go through all
            -- instances of the namespace for each slice.
            SELECT coalesce(sum(o.count), 0) FROM ${slices} AS o
            WHERE o.namespace = c.namespace AND o.key = c.key AND o.instance_id <> c.instance_id AND o.epoch = k.epoch AND (
              SELECT j.generation = o.generation AND j.alive_until > moment FROM ${instances} AS j
              WHERE j.namespace = c.namespace AND j.instance_id = o.instance_id)
          ) AS others,
          s.epoch, s.generation AS slice_generation, s.count AS slice, s.change_no, s.change_writer, s.answer_total, s.answer_own
        FROM unnest(p_namespaces, p_instance_ids, p_keys, p_types, p_counts, p_writers, p_nos) WITH ORDINALITY
          AS c (namespace, instance_id, key, type, count, writer, no, nth)
        LEFT JOIN ${instances} AS i ON i.namespace = c.namespace AND i.instance_id = c.instance_id
        LEFT JOIN ${keys} AS k ON k.namespace = c.namespace AND k.key = c.key
        LEFT JOIN ${slices} AS s ON s.namespace = c.namespace AND s.key = c.key AND s.instance_id = c.instance_id
        ORDER BY c.nth
      LOOP
        IF change.change_writer = change.writer AND change.change_no >= change.no THEN
          outcome := CASE WHEN change.change_no = change.no THEN 'made' ELSE 'late' END;
          total := change.answer_total;
          own := change.answer_own;
          RETURN NEXT;
          CONTINUE;
        END IF;

        mine := 0;
        others := 0;
        epoch_after := change.key_epoch;
        IF change.key_generation = change.namespace_generation THEN
          others := change.others;
          IF change.epoch = change.key_epoch AND change.slice_generation = change.generation THEN
            mine := change.slice;
          END IF;
        END IF;
        IF change.type IN ('set', 'del') OR change.key_generation IS DISTINCT FROM change.namespace_generation THEN
          epoch_after := nextval(${regclass('_epoch')});
        END IF;

        after := CASE change.type WHEN 'add' THEN mine + change.count WHEN 'del' THEN 0 WHEN 'delOnInstance' THEN 0 ELSE change.count END;
        own := CASE WHEN change.type IN ('del', 'delOnInstance') THEN mine ELSE after END;
        total := CASE change.type WHEN 'set' THEN after WHEN 'del' THEN others + mine ELSE others + after END;
        outcome := 'made';
        -- What the sums come to is known before anything is written, so what overflows changes nothing.
        IF own NOT BETWEEN -9223372036854775808 AND 9223372036854775807
          OR total NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
          outcome := 'overflow';
          RETURN NEXT;
          CONTINUE;
        END IF;

        IF change.type = 'del' THEN
          DELETE FROM ${keys} AS k WHERE k.namespace = change.namespace AND k.key = change.key;
        ELSIF epoch_after IS DISTINCT FROM change.key_epoch THEN
          INSERT INTO ${keys} (epoch, generation, namespace, key)
          VALUES (epoch_after, change.namespace_generation, change.namespace, change.key)
          ON CONFLICT (namespace, key) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation;
        END IF;
        IF change.type IN ('del', 'delOnInstance') THEN
          epoch_after := 0;
        END IF;
        INSERT INTO ${slices} AS s
          (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer, namespace, key, instance_id)
        VALUES (epoch_after, change.generation, after, change.no, total, own, moment, change.writer,
          change.namespace, change.key, change.instance_id)
        ON CONFLICT (namespace, key, instance_id) DO UPDATE SET
          (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer) =
          (excluded.epoch, excluded.generation, excluded.count, excluded.change_no, excluded.answer_total, excluded.answer_own,
            excluded.changed_at, excluded.change_writer);
        RETURN NEXT;
      END LOOP;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_changes')} (
      p_now timestamptz, p_namespaces text[], p_instance_ids text[], p_alive_ms bigint[], p_remembered_ms bigint[], p_keys text[], p_types text[],
      p_counts text[], p_writers uuid[], p_nos bigint[]
    ) RETURNS TABLE (outcome text, total numeric, own numeric) LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. The columns: `made`, `late` or `overflow`; the total and the caller's slice of the answer. */
export function changes({ qualified }: Names): string {
  return `SELECT outcome, total, own FROM ${qualified('_changes')}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
}
