import type { Names } from '../../names.js'

/**
 * The tables of counters. Epochs and generations come from one sequence, so that none is ever used again, and rows of keys and of instances may be
 * removed without a trace. The table itself holds the slices: an increment changes no column of an index, so PostgreSQL keeps it within the
 * page (HOT); that is what the spare room of each page is for.
 */
export function createCounters({ qualified }: Names): readonly string[] {
  return [
    `CREATE SEQUENCE ${qualified('_epoch')} AS bigint`,
    `CREATE TABLE ${qualified('_namespaces')} (
      generation bigint NOT NULL,
      namespace text COLLATE "C" NOT NULL PRIMARY KEY
    )`,
    `CREATE TABLE ${qualified('_instances')} (
      generation bigint NOT NULL,
      alive_until timestamptz NOT NULL,
      forgotten_from timestamptz NOT NULL,
      clear_no bigint,
      clear_writer uuid,
      namespace text COLLATE "C" NOT NULL,
      instance_id text COLLATE "C" NOT NULL,
      PRIMARY KEY (namespace, instance_id)
    ) WITH (fillfactor = 50)`,
    `CREATE TABLE ${qualified('_keys')} (
      epoch bigint NOT NULL,
      generation bigint NOT NULL,
      namespace text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      PRIMARY KEY (namespace, key)
    ) WITH (fillfactor = 70)`,
    `CREATE TABLE ${qualified()} (
      epoch bigint NOT NULL,
      generation bigint NOT NULL,
      count bigint NOT NULL,
      change_no bigint NOT NULL,
      answer_total bigint NOT NULL,
      answer_own bigint NOT NULL,
      changed_at timestamptz NOT NULL,
      change_writer uuid NOT NULL,
      namespace text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      instance_id text COLLATE "C" NOT NULL,
      PRIMARY KEY (namespace, key, instance_id)
    ) WITH (fillfactor = 70)`,
    `COMMENT ON TABLE ${qualified()} IS 'Counters of eventsourced: what each instance has contributed to each key, and its last change of it.'`,
    `COMMENT ON COLUMN ${qualified()}.epoch IS 'counts only while it is the key’s; 0 if the slice was removed'`,
    `COMMENT ON COLUMN ${qualified()}.generation IS 'counts only while it is the instance’s'`,
    `COMMENT ON COLUMN ${qualified('_keys')}.generation IS 'the key exists only while it is the namespace’s'`,
  ]
}
