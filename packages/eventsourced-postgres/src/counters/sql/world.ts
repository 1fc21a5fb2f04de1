import { WRONG_ISOLATION } from '../../errors/sqlstate.js'
import type { Names } from '../../names.js'

/** The parameters that each function begins with: who calls, for how long it is alive, and what time it is if not the server's. */
export const CALLER =
  'p_namespace text, p_instance_id text, p_alive_for interval, p_remembered_for interval, p_now timestamptz'

/** What time it is, and the caller's row as it was read last. */
export const CALLER_VARIABLES = `
      moment timestamptz := coalesce(p_now, clock_timestamp());
      caller record;`

/** Condition: the row `i` is the caller's. */
export const IS_CALLER = 'i.namespace = p_namespace AND i.instance_id = p_instance_id'

/**
 * A heartbeat with each operation, written only where the last one is older than a thousandth of the time that it lasts: otherwise all operations
 * of an instance would wait for one another at its row.
 */
export function beat({ qualified }: Names): string {
  return `
      SELECT i.alive_until INTO caller FROM ${qualified('_instances')} AS i WHERE ${IS_CALLER};
      IF NOT FOUND OR caller.alive_until NOT BETWEEN moment + p_alive_for * 0.999 AND moment + p_alive_for * 1.001 THEN
        PERFORM ${qualified('_heartbeat')}(p_namespace, p_instance_id, p_alive_for, p_remembered_for, moment);
      END IF;`
}

/**
 * A total is derived from rows that others write, and must be read after waiting for them, by a later statement with a new snapshot. Only READ
 * COMMITTED gives that: under any other isolation level the function must not go on.
 */
export const IN_READ_COMMITTED = `
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'counters can be changed in a READ COMMITTED transaction only' USING ERRCODE = '${WRONG_ISOLATION}';
      END IF;`

/** The namespace's generation: 0 until the first clear. */
export function namespaceGeneration({ qualified }: Names): string {
  return `coalesce((SELECT n.generation FROM ${qualified('_namespaces')} AS n WHERE n.namespace = p_namespace), 0)`
}

/**
 * Query: the sum of the slices of all others that are alive, in an epoch. Whether one is alive is looked up by a subquery and not by a join: a join that was
 * planned on small tables may go through all instances of the namespace for each slice.
 */
export function sumOfOthers({ qualified }: Names, epoch: string): string {
  return `
        SELECT coalesce(sum(s.count), 0) AS sum FROM ${qualified()} AS s
        WHERE s.namespace = p_namespace AND s.key = p_key AND s.instance_id <> p_instance_id AND s.epoch = ${epoch} AND (
          SELECT i.generation = s.generation AND i.alive_until > moment FROM ${qualified('_instances')} AS i
          WHERE i.namespace = p_namespace AND i.instance_id = s.instance_id)`
}
