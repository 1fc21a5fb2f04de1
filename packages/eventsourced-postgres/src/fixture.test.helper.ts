import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Append, appendIds, type EntityKey, type Head, type NewEvt } from 'eventsourced'
import { Client, type PoolConfig } from 'pg'
import { type Logger, pino } from 'pino'

export const ZERO: Head = { seqNo: 0, position: 0 }

export function newKey(typeName = 'counter'): EntityKey {
  return { typeName, id: randomUUID() }
}

export function newEvt(over: Partial<NewEvt> = {}): NewEvt {
  return { type: 'Happened', version: 1, bytes: Buffer.from(randomUUID()), metadata: {}, ...over }
}

/** An append of one event. */
export function newAppend(key: EntityKey, expected: Head = ZERO, evt: NewEvt = newEvt()): Append {
  return { key, expected, appendId: appendIds()(), groups: [[evt]] }
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected = []
  for await (const item of items) collected.push(item)
  return collected
}

/** Waits for a condition, within bounds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = performance.now(); !(await condition()); await sleep(5)) {
    if (performance.now() - start > 20_000) throw new Error(`still not so after 20 s: ${what}`)
  }
}

/** Runs work on a connection of its own. */
export async function withClient<T>(connection: PoolConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** How many backends of the database do, or wait for, what matches. */
export function backends(client: Client, where: string): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND (${where})`
  return client.query<{ count: number }>(text).then(({ rows }) => rows[0]?.count ?? 0)
}

/** Terminates the backends of the database that match; answers how many. */
export async function terminate(client: Client, where: string): Promise<number> {
  const { rowCount } = await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND (${where})`)
  return rowCount ?? 0
}

/** A logger, and the lines that it has written. */
export function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const write = (line: string): void => {
    lines.push(line)
  }
  return { logger: pino({ level: 'debug' }, { write }), lines }
}
