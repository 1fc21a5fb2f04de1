import { randomUUID } from 'node:crypto'
import type { AppendProcess, PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { backends, terminate, until } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'
import { leaveOpen } from './left-open.test.helper.js'
import { expectAllRead, startReader } from './reader.test.helper.js'
import { startWriter } from './writers.test.helper.js'

const WAITS_FOR_LOCK = "wait_event_type = 'Lock'"

let connection: PostgresConnection
let admin: Client
let writers: AppendProcess[]

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  writers = []
})

afterEach(async () => {
  await Promise.all(writers.map((writer) => writer.kill()))
  await admin.end()
})

const ENDS: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  'that is slow': (client) => client.query('COMMIT'),
  'that is rolled back': (client) => client.query('ROLLBACK'),
  'whose client goes away': (client) => client.end(),
  'that is killed': () => terminate(admin, "application_name = 'left open'"),
}

test('a reader sees each event of 16 writers in 4 processes once and in order, beside all kinds of transactions', async () => {
  // It has written, so that its transaction has an id, and stays open to the end.
  const unrelated = new Client(connection)
  await unrelated.connect()
  await unrelated.query('CREATE TABLE unrelated (n integer)')
  await unrelated.query('BEGIN')
  await unrelated.query('INSERT INTO unrelated VALUES (1)')

  const reader = await startReader(connection)
  writers = Array.from({ length: 4 }, () => startWriter({ config: { connection }, logs: 4, entities: 3 }))
  for (const end of Object.values(ENDS)) {
    await reader.seesMore(200)
    const client = await leaveOpen(connection)
    await until('writers wait behind it', async () => (await backends(admin, WAITS_FOR_LOCK)) > 0)
    await end(client)
    await client.end().catch(() => undefined)
  }
  await reader.seesMore(200)
  await Promise.all(writers.map((writer) => writer.stop()))
  await expectAllRead(reader, writers)
  await unrelated.query('COMMIT')
  await unrelated.end()
})

test.each(Object.entries(ENDS))(
  'an append waits for a writer %s, and the reader sees what it stored',
  async (_, end) => {
    const reader = await startReader(connection)
    const log = await PostgresEvtLog.create({ connection })
    const client = await leaveOpen(connection)
    const appended = log.persist({
      key: { typeName: 'counter', id: randomUUID() },
      expected: { seqNo: 0, position: 0 },
      appendId: `${randomUUID()}-1`,
      groups: [[{ type: 'Written', version: 1, bytes: Buffer.from(randomUUID()), metadata: {} }]],
    })
    await until('the append waits', async () => (await backends(admin, WAITS_FOR_LOCK)) === 1)
    expect(reader.count).toBe(0)
    await end(client)
    await appended
    await expectAllRead(reader, [])
    await log.close()
    await client.end().catch(() => undefined)
  },
)
