import type { Names } from '../names.js'
import { BACKEND_COLUMNS } from './backend.js'

/**
 * Looks for an entity's event behind a seqNo, and for its head, with `stored_of_append`. The columns: seqNo, position and appendId, NULL if the entity has
 * no events; whether the server is a replica, which may lag behind; and who answers.
 */
export function lookForEvt({ qualified }: Names): string {
  return `
    SELECT e.seq_no, e.position, e.append_id, pg_is_in_recovery(), ${BACKEND_COLUMNS}
    FROM (SELECT) AS one LEFT JOIN ${qualified('_stored_of_append')}($1, $2, $3, 1) AS e ON true`
}
