import { randomUUID } from 'node:crypto'
import { sliceOf } from 'eventsourced'
import { Client, type PoolConfig } from 'pg'
import { expect } from 'vitest'

/** Appends in a transaction that is left open: a writer that goes slow, or dies, when its position is taken and nobody may see it. */
export async function leaveOpen(connection: PoolConfig): Promise<Client> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  await client.query("BEGIN; SET application_name = 'left open'")
  const id = randomUUID()
  const values = [id, sliceOf(id), randomUUID(), randomUUID()]
  const text = `SELECT eventsourced.events_append_one('5000', 'counter', $1, $2::smallint, 0, 0, $3, 1, 'Written', 1, $4, NULL)`
  expect((await client.query(text, values)).rowCount).toBe(1)
  return client
}
