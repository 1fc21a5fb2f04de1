import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { CALLER, MOMENT, IS_CALLER } from './world.js'

/**
 * `heartbeat(…)` keeps an instance alive. It does not wait where another operation of the same instance is just writing its row, for that
 * one is as good. An instance that was forgotten begins a new generation, and for that it waits.
 */
export function createHeartbeat({ qualified, regclass }: Names): string {
  const instances = qualified('_instances')
  const body = `
    DECLARE ${MOMENT}
    BEGIN
      PERFORM FROM ${instances} AS i WHERE ${IS_CALLER} AND i.forgotten_from > moment;
      IF FOUND THEN
        PERFORM FROM ${instances} AS i WHERE ${IS_CALLER} FOR NO KEY UPDATE SKIP LOCKED;
        IF FOUND THEN
          UPDATE ${instances} AS i
          SET alive_until = moment + p_alive_for, forgotten_from = moment + p_alive_for + p_remembered_for WHERE ${IS_CALLER};
        END IF;
      ELSE
        INSERT INTO ${instances} AS i (generation, alive_until, forgotten_from, namespace, instance_id)
        VALUES (nextval(${regclass('_epoch')}), moment + p_alive_for, moment + p_alive_for + p_remembered_for,
          p_namespace, p_instance_id)
        ON CONFLICT (namespace, instance_id) DO UPDATE SET
          generation = CASE WHEN i.forgotten_from > moment THEN i.generation ELSE excluded.generation END,
          alive_until = excluded.alive_until, forgotten_from = excluded.forgotten_from;
      END IF;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_heartbeat')} (${CALLER})
    RETURNS void LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function heartbeat({ qualified }: Names): string {
  return `SELECT ${qualified('_heartbeat')}($1, $2, $3, $4, $5)`
}
