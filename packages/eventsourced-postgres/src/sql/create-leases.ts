import type { Names } from '../names.js'

/** The tables of leases: a slice has a row once it was taken for the first time, and a group's members have theirs. */
export function createLeases({ qualified }: Names): string {
  return `
    CREATE TABLE ${qualified()} (
      epoch bigint NOT NULL,
      slice smallint NOT NULL,
      group_name text COLLATE "C" NOT NULL,
      owner text COLLATE "C",
      PRIMARY KEY (group_name, slice)
    ) WITH (fillfactor = 50);
    CREATE TABLE ${qualified('_members')} (
      ends timestamptz NOT NULL,
      group_name text COLLATE "C" NOT NULL,
      member text COLLATE "C" NOT NULL,
      PRIMARY KEY (group_name, member)
    ) WITH (fillfactor = 50);
    COMMENT ON TABLE ${qualified()} IS 'Leases of eventsourced: which member of a group owns which slice; it does so for as long as it lives.';
    COMMENT ON TABLE ${qualified('_members')} IS 'Members of groups, and when each ends unless its heart beats before.';
  `
}
