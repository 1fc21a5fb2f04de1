import { randomUUID } from 'node:crypto'
import { type Append, sliceOf } from 'eventsourced'
import { Client, type ClientConfig } from 'pg'
// The log's own encoding, which the package does not export.
import { encodeBatch } from '../../../packages/eventsourced-postgres/dist/evt-log/encode-batch.js'
import type { Contender } from '../measure.js'
import type { NewEntity } from './load.js'
import { appender, ENTITIES, PAYLOAD } from './appends.js'

const COLUMNS = 'position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata'
const FROM_UNNEST = `
  INSERT INTO eventsourced.events (${COLUMNS})
  SELECT nextval('eventsourced.events_position'), e.seq_no, e.append_no, clock_timestamp(), e.version, e.slice, e.id, e.append_writer,
    e.type_name, e.type, e.bytes, coalesce(e.metadata, '{}')
  FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::text[], $8::integer[], $9::bytea[],
    $10::jsonb[]) AS e (type_name, id, slice, seq_no, append_writer, append_no, type, version, bytes, metadata)`
/** The same, one after another among all processes. */
const UNDER_LOCK = `WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(1)) ${FROM_UNNEST}, lock`
const SINGLE_ROW = `
  INSERT INTO eventsourced.events (${COLUMNS})
  VALUES (nextval('eventsourced.events_position'), $1, $2, clock_timestamp(), $3, $4, $5, $6, $7, $8, $9, '{}') RETURNING position`

/** As many as the log takes at once. */
const MAX_ROWS = 2_000

/**
 * `INSERT … SELECT FROM unnest` into the log's own table, prepared, in the log's own encoding: rows of the same entities in turn, so many
 * a batch. No lock, no judgement, no fence, nobody who waits for an answer. Each client has one batch in flight.
 */
export function bareInserts(
  clients: readonly Client[],
  { batch, times }: { readonly batch: number; readonly times: number },
): Contender {
  const connections = clients.length === 1 ? '' : `, ${clients.length} connections`
  return {
    name: `bare INSERT … FROM unnest, ${batch} rows${connections}`,
    run: async () => {
      const count = ENTITIES / clients.length
      await Promise.all(clients.map((client) => insertAll(client, { batch, times, count })))
      return ENTITIES * times
    },
  }
}

interface Rows {
  readonly batch: number
  readonly times: number
  readonly count: number
}

async function insertAll(client: Client, { batch, times, count }: Rows): Promise<void> {
  const entities = Array.from({ length: count }, () => appender())
  for (let seqNo = 0; seqNo < times; seqNo++) {
    for (let at = 0; at < count; at += batch) {
      await insert(
        client,
        entities.slice(at, at + batch).map(({ next }) => next({ seqNo, position: 0 })),
      )
    }
  }
}

/**
 * The least that a group commit could do, for comparison under the same load: rows that wait are inserted together, and while they are the next
 * batch forms. No judgement, no fence, and no lock unless wanted. Makes an entity's append.
 */
export function groupedInserts(client: Client, { isUnderLock = false } = {}): NewEntity {
  const queue: { readonly append: Append; readonly answer: () => void }[] = []
  let isRunning = false
  const run = async (): Promise<void> => {
    isRunning = true
    while (queue.length > 0) {
      const batch = queue.splice(0, MAX_ROWS)
      await insert(
        client,
        batch.map(({ append }) => append),
        isUnderLock ? UNDER_LOCK : FROM_UNNEST,
      )
      for (const { answer } of batch) answer()
    }
    isRunning = false
  }
  return () => {
    const { next } = appender()
    let seqNo = 0
    return async () => {
      const stored = new Promise<void>((answer) =>
        queue.push({ append: next({ seqNo: seqNo++, position: 0 }), answer }),
      )
      if (!isRunning) await Promise.all([run(), stored])
      else await stored
    }
  }
}

async function insert(client: Client, appends: readonly Append[], text = FROM_UNNEST): Promise<void> {
  await client.query({ name: text === FROM_UNNEST ? 'from-unnest' : 'under-lock', text, values: unnested(appends) })
}

/** The arrays of a batch that its columns are made of, without those that are there to be judged by. */
function unnested(appends: readonly Append[]): unknown[] {
  const waiting = appends.map((append) => ({
    append,
    groups: 1,
    evtCount: 1,
    bytes: 0,
    heldBytes: 0,
    since: 0,
    deadline: 0,
    maybeStored: false,
    resolve: () => undefined,
    reject: () => undefined,
  }))
  const [, , , typeNames, ids, slices, seqNos, , ...rest] = encodeBatch(waiting, 0)
  return [typeNames, ids, slices, seqNos, ...rest]
}

/** A prepared INSERT of one row into the log's own table, each awaited. */
export function bareSingleInserts(client: Client, times: number): Contender {
  return {
    name: 'bare prepared INSERT of one row',
    run: async () => {
      const id = randomUUID()
      const writer = randomUUID()
      for (let n = 1; n <= times; n++) {
        const values = [n, n, 1, sliceOf(id), id, writer, 'counter', 'Increased', PAYLOAD]
        await client.query({ name: 'single-row', text: SINGLE_ROW, values })
      }
      return times
    },
  }
}

export async function connected(config: ClientConfig): Promise<Client> {
  const client = new Client(config)
  await client.connect()
  return client
}
