import type { ProjectedEvt } from 'eventsourced'
import type { Tx } from 'eventsourced-postgres'
import type { Pool } from 'pg'
import type { Evt } from '../counter.js'
import { changeOf } from './change-of.js'

/** The totals over all counters. */
export interface Totals {
  readonly counters: number
  readonly events: number
  readonly sum: bigint
  readonly largest: bigint
}

/** A counter as the read model has it. */
export interface CounterValue {
  readonly id: string
  readonly events: number
  readonly value: bigint
}

/** Any two runs may begin at the same moment. */
const ONE_AT_A_TIME = 'SELECT pg_advisory_xact_lock(7033717)'

/** Creates the table of the read model if it is missing: a row for each counter. */
export async function createCounterValues(pool: Pool): Promise<void> {
  await pool.query(`
    BEGIN;
    ${ONE_AT_A_TIME};
    CREATE TABLE IF NOT EXISTS counter_values (id uuid PRIMARY KEY, events bigint NOT NULL, value numeric NOT NULL);
    COMMIT`)
}

/** Applies events. Each of them must be applied once: what is there is added to. */
export async function applyEvts(tx: Tx, evts: readonly ProjectedEvt<Evt>[]): Promise<void> {
  await tx.query(
    `INSERT INTO counter_values AS c (id, events, value)
    SELECT id, count(*), sum(change) FROM unnest($1::uuid[], $2::numeric[]) AS e (id, change) GROUP BY id ORDER BY id
    ON CONFLICT (id) DO UPDATE SET events = c.events + excluded.events, value = c.value + excluded.value`,
    [evts.map(({ key }) => key.id), evts.map(({ evt }) => String(changeOf(evt)))],
  )
}

/** Takes a counter out of the totals. */
export async function forgetCounter(tx: Tx, id: string): Promise<void> {
  await tx.query('DELETE FROM counter_values WHERE id = $1', [id])
}

/** Reads the totals. */
export async function readTotals(pool: Pool): Promise<Totals> {
  const { rows } = await pool.query<Record<'counters' | 'events' | 'sum' | 'largest', string>>(
    `SELECT count(*) AS counters, coalesce(sum(events), 0) AS events, coalesce(sum(value), 0) AS sum, coalesce(max(value), 0) AS largest
    FROM counter_values`,
  )
  const { counters = '0', events = '0', sum = '0', largest = '0' } = rows[0] ?? {}
  return { counters: Number(counters), events: Number(events), sum: BigInt(sum), largest: BigInt(largest) }
}

/** Reads some of the counters. */
export async function readValues(pool: Pool, ids: readonly string[]): Promise<ReadonlyMap<string, CounterValue>> {
  const { rows } = await pool.query<{ id: string; events: string; value: string }>(
    'SELECT id, events, value FROM counter_values WHERE id = ANY ($1::uuid[])',
    [ids],
  )
  return new Map(rows.map(({ id, events, value }) => [id, { id, events: Number(events), value: BigInt(value) }]))
}

/** The totals, in a line. */
export function lineOf({ counters, events, sum, largest }: Totals): string {
  const whole = (count: number | bigint) => count.toLocaleString('en')
  return `${whole(counters)} counters, ${whole(events)} events, sum ${whole(sum)}, largest ${whole(largest)}`
}
