import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { postgresUrl } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { expect, test } from 'vitest'
import { withClient } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

test('an entity of 1,000,000 events is replayed by a process whose heap holds but a few of them', async () => {
  const connection = await testPostgres()
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  const id = randomUUID()
  await withClient(connection, (client) =>
    client.query(
      `INSERT INTO eventsourced.events
        (position, seq_no, append_no, time, version, slice, id, append_writer, type_name, type, bytes, metadata)
      SELECT n, n, n, clock_timestamp(), 1, 0, $1, gen_random_uuid(), 'counter', 'Happened', decode(repeat('ab', 200), 'hex'), '{}'
      FROM generate_series(1, 1000000) AS n`,
      [id],
    ),
  )
  const program = fileURLToPath(new URL('../../dist/evt-log/replay.test.fixture.js', import.meta.url))
  // A million of them would take some 500 MB.
  const args = ['--max-old-space-size=48', program, postgresUrl(connection), id]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toBe('1000000\n')
})
