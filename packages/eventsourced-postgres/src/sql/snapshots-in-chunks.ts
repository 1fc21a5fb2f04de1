import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'

/**
 * How many bytes of a state a row has. Four such rows fit into a page, be the type's name as long as it may: two that count, and two that take
 * their place.
 */
export const CHUNK_BYTES = 1_856

/**
 * Keeps a state as rows of {@link CHUNK_BYTES} each, numbered from 0. A row that is overwritten stays in its page, since no index has a column that
 * changes (HOT), and who comes next to the page clears away what it was: so the table stays as large as it is however often snapshots are taken,
 * also where vacuum doesn't come. That takes pages of which half is left free, as all rows of one may be overwritten in one transaction, and rows too
 * small for TOAST: what lies there is written anew each time, and cleared away by vacuum only.
 *
 * A state that an older release has saved stays in one piece until it is overwritten. That release's `load_snapshot` would give a part for the whole.
 */
export function snapshotsInChunks({ qualified, regclass }: Names): string {
  const dropKey = `
    BEGIN
      EXECUTE (
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
        WHERE conrelid = ${regclass()} AND contype = 'p');
    END`
  return `
    DROP FUNCTION IF EXISTS ${qualified('_load_snapshot')}(text, uuid, bigint);
    DO ${escapeLiteral(dropKey)};
    ALTER TABLE ${qualified()}
      ADD COLUMN chunk integer NOT NULL DEFAULT 0,
      ADD PRIMARY KEY (type_name, id, chunk, slot),
      SET (fillfactor = 50);
    COMMENT ON COLUMN ${qualified()}.chunk IS 'which part of the state the bytes are: 0, 1, 2';
  `
}
