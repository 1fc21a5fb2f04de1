import { escapeLiteral } from 'pg'
import type { Names } from '../../names.js'
import { PINNED } from '../../sql/pinned.js'
import { ONLY_READ_COMMITTED } from '../../sql/read-committed.js'
import { beat, CALLER, MOMENT, IS_CALLER } from './world.js'

/**
 * `clear(…)` begins a new generation of the namespace, or of the caller alone, whatever there is of slices. The caller's row remembers its
 * last clear, so that the same again voids nothing. A namespace's generations rise: the next one is taken once its row is locked.
 */
export function createClear(names: Names): string {
  const { qualified, regclass } = names
  const instances = qualified('_instances')
  const body = `
    DECLARE ${MOMENT}
    BEGIN
      ${ONLY_READ_COMMITTED}
      ${beat(names)}
      PERFORM FROM ${instances} AS i WHERE ${IS_CALLER} FOR NO KEY UPDATE;
      PERFORM FROM ${instances} AS i WHERE ${IS_CALLER} AND i.clear_writer = p_writer AND i.clear_no >= p_no;
      IF FOUND THEN
        RETURN;
      END IF;
      UPDATE ${instances} AS i SET clear_writer = p_writer, clear_no = p_no,
        generation = CASE WHEN p_is_whole THEN i.generation ELSE nextval(${regclass('_epoch')}) END
      WHERE ${IS_CALLER};
      IF p_is_whole THEN
        INSERT INTO ${qualified('_namespaces')} AS n (generation, namespace)
        VALUES (nextval(${regclass('_epoch')}), p_namespace)
        ON CONFLICT (namespace) DO UPDATE SET generation = nextval(${regclass('_epoch')});
      END IF;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_clear')} (${CALLER}, p_is_whole boolean, p_writer uuid, p_no bigint)
    RETURNS void LANGUAGE plpgsql VOLATILE ${PINNED} AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function clear({ qualified }: Names): string {
  return `SELECT ${qualified('_clear')}($1, $2, $3, $4, $5, $6, $7, $8)`
}
