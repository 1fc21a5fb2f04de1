import type { Names } from '../names.js'

/**
 * The table of snapshots, as the first release made it: a row for each snapshot that an entity keeps. A new one is written over the oldest, in its
 * `slot`. What it is today is in `snapshots-in-chunks.ts`.
 */
export function createSnapshots({ qualified }: Names): string {
  return `
    CREATE TABLE ${qualified()} (
      seq_no bigint NOT NULL,
      append_no bigint NOT NULL,
      time timestamptz NOT NULL,
      version integer NOT NULL,
      slot integer NOT NULL,
      id uuid NOT NULL,
      append_writer uuid NOT NULL,
      type_name text COLLATE "C" NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (type_name, id, slot)
    ) WITH (fillfactor = 70);
    COMMENT ON TABLE ${qualified()} IS 'Snapshots of eventsourced: the newest few of each entity.';
    COMMENT ON COLUMN ${qualified()}.seq_no IS 'the event that the state stands on; append_writer and append_no are its append';
  `
}
