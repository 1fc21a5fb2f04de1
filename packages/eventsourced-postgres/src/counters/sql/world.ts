import type { Names } from '../../names.js'

/** The parameters that each function begins with: who calls, for how long it is alive, and what time it is if not the server's. */
export const CALLER =
  'p_namespace text, p_instance_id text, p_alive_for interval, p_remembered_for interval, p_now timestamptz'

/** What time it is. */
export const MOMENT = `
      moment timestamptz := coalesce(p_now, clock_timestamp());`

/** Condition: the row `i` is the caller's. */
export const IS_CALLER = 'i.namespace = p_namespace AND i.instance_id = p_instance_id'

/**
 * Condition: the heartbeat of the row `i` is no older than a thousandth of the time that it lasts, and as good as a new one. If each operation wrote
 * one, all of an instance would wait for one another at its row.
 */
export function isFresh(aliveFor: string): string {
  return `i.alive_until BETWEEN moment + ${aliveFor} * 0.999 AND moment + ${aliveFor} * 1.001`
}

/** A heartbeat with an operation, where one is due. */
export function beat({ qualified }: Names): string {
  return `
      IF NOT EXISTS (SELECT FROM ${qualified('_instances')} AS i WHERE ${IS_CALLER} AND ${isFresh('p_alive_for')}) THEN
        PERFORM ${qualified('_heartbeat')}(p_namespace, p_instance_id, p_alive_for, p_remembered_for, moment);
      END IF;`
}

/** Expression: a namespace's generation, 0 until the first clear. */
export function namespaceGeneration({ qualified }: Names, namespace: string): string {
  return `coalesce((SELECT n.generation FROM ${qualified('_namespaces')} AS n WHERE n.namespace = ${namespace}), 0)`
}
