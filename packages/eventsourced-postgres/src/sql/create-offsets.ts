import type { Names } from '../names.js'

/**
 * The tables of offsets. A slice's row is written over again and again: no index has a column that such an update changes, and each page has
 * room to spare, so that PostgreSQL keeps it within the page (HOT).
 */
export function createOffsets({ qualified }: Names): string {
  return `
    CREATE TABLE ${qualified()} (
      position bigint NOT NULL,
      seq_no bigint NOT NULL,
      epoch bigint NOT NULL,
      revision bigint NOT NULL,
      version integer NOT NULL,
      slice smallint NOT NULL,
      name text COLLATE "C" NOT NULL,
      append_id text NOT NULL,
      id text NOT NULL,
      done text,
      failure text,
      PRIMARY KEY (name, version, slice)
    ) WITH (fillfactor = 40);
    CREATE SEQUENCE ${qualified('_revision')};
    CREATE TABLE ${qualified('_parked')} (
      position bigint NOT NULL,
      seq_no bigint NOT NULL,
      time bigint NOT NULL,
      version integer NOT NULL,
      evt_version integer NOT NULL,
      slice smallint NOT NULL,
      name text COLLATE "C" NOT NULL,
      type_name text NOT NULL,
      id text NOT NULL,
      append_id text NOT NULL,
      type text NOT NULL,
      bytes bytea NOT NULL,
      metadata text NOT NULL,
      failure text,
      PRIMARY KEY (name, version, position)
    );
    CREATE INDEX ON ${qualified('_parked')} (name, version, slice, id);
    CREATE TABLE ${qualified('_entries')} (
      revision bigint NOT NULL,
      name text COLLATE "C" PRIMARY KEY,
      value text NOT NULL
    );
    COMMENT ON TABLE ${qualified()} IS 'How far the slices of eventsourced projections have come.';
    COMMENT ON COLUMN ${qualified()}.revision IS 'changes with each write: who knows another one is fenced off';
    COMMENT ON TABLE ${qualified('_parked')} IS 'Events that a projection could not handle, and those behind them of the same entity.';
    COMMENT ON COLUMN ${qualified('_parked')}.time IS 'when the log stored the event: milliseconds since 1970';
    COMMENT ON TABLE ${qualified('_entries')} IS 'What is registered, and asked, of eventsourced projections.';
  `
}
