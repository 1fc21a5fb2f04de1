import { readFile } from 'node:fs/promises'
import { Entity, jsonBinarizer } from 'eventsourced'
import { counter } from 'eventsourced-counter'
import { PostgresEvtLog } from 'eventsourced-postgres'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { v7 } from 'uuid'
import { expect, test } from 'vitest'

test('the SQL of docs/postgres.md shows the stored events', async () => {
  const markdown = await readFile(new URL('postgres.md', import.meta.url), 'utf8')
  const [, sql = ''] = /^```sql\n(.*?)^```/ms.exec(markdown) ?? []
  const connection = await testPostgres()
  const evtLog = await PostgresEvtLog.create({ connection, setup: true })
  const ref = await Entity.spawn(v7(), counter, { evtLog, binarizer: jsonBinarizer() })
  await ref.handleCmd({ type: 'Inc', inc: 2n ** 63n }, { metadata: { correlation: 'c-1' } })
  const client = new Client(connection)
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  await evtLog.close()
  expect(rows).toMatchObject([
    {
      type_name: 'counter',
      id: ref.id,
      seq_no: '1',
      type: 'Increased',
      version: 1,
      append_id: expect.stringMatching(/^[0-9a-f-]{36}-1$/),
      evt: { type: 'Increased', oldValue: { $bigint: '0' }, inc: { $bigint: '9223372036854775808' } },
      metadata: { correlation: 'c-1' },
    },
  ])
})
