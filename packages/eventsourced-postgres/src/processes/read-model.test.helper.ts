import type { ClientBase, Pool } from 'pg'

/** Creates the read model that the processes write: what each has applied, under which epoch of its lease, and how much that is. */
export async function createReadModel(admin: Pool | ClientBase): Promise<void> {
  // Nothing here forbids a repeat: it must be seen.
  await admin.query(`
    CREATE TABLE applied (nth bigserial PRIMARY KEY, id text NOT NULL, seq_no bigint NOT NULL, position bigint NOT NULL,
      slice smallint NOT NULL, epoch bigint NOT NULL, owner text NOT NULL);
    CREATE TABLE totals (slice smallint PRIMARY KEY, count bigint NOT NULL)`)
}

/** How many events are applied. */
export async function appliedCount(admin: Pool): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::integer AS count FROM applied')
  return rows[0]?.count ?? 0
}

/** What a read model must not have, each as a query that finds it. */
const WRONG: Readonly<Record<string, string>> = {
  'events that are not applied': `
    SELECT e.id, e.seq_no FROM eventsourced.events AS e
    WHERE e.type_name = 'counter' AND NOT EXISTS (SELECT FROM applied AS a WHERE a.position = e.position AND a.id = e.id::text AND a.seq_no = e.seq_no)`,
  'events that are applied and not in the log': `
    SELECT a.id, a.seq_no FROM applied AS a
    WHERE NOT EXISTS (SELECT FROM eventsourced.events AS e WHERE e.position = a.position AND e.id::text = a.id AND e.seq_no = a.seq_no)`,
  'events that are applied more than once': `
    SELECT id, seq_no, count(*), array_agg(owner) FROM applied GROUP BY id, seq_no HAVING count(*) > 1`,
  'events that are applied out of the order of their entity': `
    SELECT id, seq_no FROM (SELECT id, seq_no, row_number() OVER (PARTITION BY id ORDER BY nth) AS place FROM applied) AS a WHERE seq_no <> place`,
  'events that are applied out of the order of their slice': `
    SELECT slice, position FROM (SELECT slice, position, lag(position) OVER (PARTITION BY slice ORDER BY nth) AS before FROM applied) AS a
    WHERE position <= before`,
  'slices that had two owners in one epoch': `
    SELECT slice, epoch FROM applied GROUP BY slice, epoch HAVING count(DISTINCT owner) > 1`,
  'slices that went back to an earlier epoch': `
    SELECT slice, epoch FROM (SELECT slice, epoch, lag(epoch) OVER (PARTITION BY slice ORDER BY nth) AS before FROM applied) AS a WHERE epoch < before`,
  'totals that are not those of the events': `
    SELECT slice FROM totals FULL JOIN (SELECT slice, count(*) FROM applied GROUP BY slice) AS a USING (slice)
    WHERE totals.count IS DISTINCT FROM a.count`,
}

/** Proves that each event of the log is applied once, in order, and by the owner of its slice. @throws with what is wrong */
export async function expectExactlyOnce(admin: Pool | ClientBase): Promise<void> {
  for (const [what, query] of Object.entries(WRONG)) {
    const { rows } = await admin.query(query)
    if (rows.length > 0) throw new Error(`${what}: ${JSON.stringify(rows.slice(0, 10))} and ${rows.length} in all`)
  }
}
