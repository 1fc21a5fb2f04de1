import { connect } from 'nats'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { testNats, testPostgres } from './vitest.js'

it('gives each caller an empty database of its own on the shared PostgreSQL', async () => {
  const [one, other] = await Promise.all([testPostgres(), testPostgres()])
  expect(one.port).toBe(other.port)
  expect(one.database).not.toBe(other.database)
  const client = new Client({ ...one })
  await client.connect()
  const { rows } = await client.query(`SELECT current_database() AS name, split_part(version(), '.', 1) AS version`)
  await client.end()
  expect(rows).toEqual([{ name: one.database, version: 'PostgreSQL 18' }])
})

it('gives the url of a shared nats-server with JetStream', async () => {
  const connection = await connect({ servers: testNats() })
  const manager = await connection.jetstreamManager()
  expect((await manager.getAccountInfo()).streams).toBeGreaterThanOrEqual(0)
  await connection.close()
})
