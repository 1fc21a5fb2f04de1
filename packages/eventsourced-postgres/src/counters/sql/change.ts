import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { CALLER, CALLER_VARIABLES, IN_READ_COMMITTED, IS_CALLER, namespaceGeneration, sumOfOthers } from './world.js'

/**
 * `change(…)` changes the caller's slice of a key. All changes of a key wait for one another at an advisory lock, which costs no write; what they are
 * judged on is read after that, by a statement of its own. A change that was made before is answered as it was then, from the caller's
 * slice, which is therefore never removed with the key.
 *
 * The heartbeat comes last of the locks. It is seldom due, and who holds the caller's row waits for nothing more.
 */
export function createChange(names: Names): string {
  const { qualified, regclass } = names
  const [keys, instances] = [qualified('_keys'), qualified('_instances')]
  const body = `
    DECLARE ${CALLER_VARIABLES}
      world record;
      has_beaten boolean := false;
      mine numeric := 0;
      others numeric := 0;
      after numeric;
      epoch_after bigint;
    BEGIN
      ${IN_READ_COMMITTED}
      PERFORM pg_advisory_xact_lock(hashtextextended(p_namespace || ' ' || p_key, ${regclass()}::oid::bigint));
      LOOP
        SELECT i.alive_until, i.generation, ${namespaceGeneration(names)} AS namespace_generation,
          k.epoch AS key_epoch, k.generation AS key_generation, (${sumOfOthers(names, 'k.epoch')}) AS others,
          s.epoch, s.generation AS slice_generation, s.count, s.change_no, s.change_writer, s.answer_total, s.answer_own
        INTO world
        FROM ${instances} AS i
        LEFT JOIN ${keys} AS k ON k.namespace = p_namespace AND k.key = p_key
        LEFT JOIN ${qualified()} AS s ON s.namespace = p_namespace AND s.key = p_key AND s.instance_id = p_instance_id
        WHERE ${IS_CALLER};
        EXIT WHEN has_beaten OR world.alive_until BETWEEN moment + p_alive_for * 0.999 AND moment + p_alive_for * 1.001;
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
      INSERT INTO ${qualified()} AS s
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
  return `SELECT outcome, total, own FROM ${qualified('_change')}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
}
