import type { Names } from '../names.js'

/**
 * The table of events, one row an event, as it may be read with psql. The order of the columns leaves no padding between them.
 *
 * | column | |
 * |---|---|
 * | `position` | the event's place in the log; grows in the order of commits, with gaps |
 * | `seq_no` | its number among the entity's events: 1, 2, 3 … |
 * | `append_writer`, `append_no` | together the appendId, `<append_writer>-<append_no>` |
 * | `time` | when it was stored, by the server's clock |
 * | `version`, `type` | the version and the name of the event's type, as the binarizer gave them |
 * | `slice` | `sliceOf(id)`, 0 to 63 |
 * | `id`, `type_name` | the entity |
 * | `bytes` | the payload; NULL in a tombstone, which stands for an entity's deleted events |
 * | `metadata` | text by text, as given with the command |
 */
export function createEvents({ qualified }: Names): string {
  return `
    CREATE TABLE ${qualified()} (
      position bigint NOT NULL,
      seq_no bigint NOT NULL,
      append_no bigint NOT NULL,
      time timestamptz NOT NULL,
      version integer NOT NULL,
      slice smallint NOT NULL,
      id uuid NOT NULL,
      append_writer uuid NOT NULL,
      type_name text COLLATE "C" NOT NULL,
      type text COLLATE "C" NOT NULL,
      bytes bytea,
      metadata jsonb NOT NULL,
      PRIMARY KEY (type_name, id, seq_no),
      UNIQUE (type_name, position)
    );
    CREATE SEQUENCE ${qualified('_position')} MAXVALUE ${Number.MAX_SAFE_INTEGER} OWNED BY ${qualified()}.position;
    COMMENT ON TABLE ${qualified()} IS 'Events of eventsourced, one row an event. Append with its functions only.';
    COMMENT ON COLUMN ${qualified()}.position IS 'place in the log: grows in the order of commits, with gaps';
    COMMENT ON COLUMN ${qualified()}.seq_no IS 'number among the events of the entity: 1, 2, 3, without gaps';
    COMMENT ON COLUMN ${qualified()}.append_no IS 'with append_writer the id of the append that stored the event';
    COMMENT ON COLUMN ${qualified()}.bytes IS 'payload; NULL in a tombstone, which stands for deleted events';
  `
}
