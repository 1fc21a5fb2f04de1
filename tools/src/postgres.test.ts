import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresConnection, type PostgresServer, postgresUrl, startPostgres } from './postgres.js'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: '17', application_name: 'two words' } })
})
afterAll(() => server.stop())

async function query(connection: PostgresConnection | string, sql: string): Promise<unknown[]> {
  const client = new Client(typeof connection === 'string' ? { connectionString: connection } : { ...connection })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

it('runs with the settings it was given', async () => {
  expect(await query(server, 'SHOW max_connections')).toEqual([{ max_connections: '17' }])
  expect(await query(server.url, 'SHOW application_name')).toEqual([{ application_name: 'two words' }])
})

it('creates databases under any name', async () => {
  const database = await server.createDatabase('Käse "3"')
  const sql = 'SELECT current_database() AS name'
  expect(await query(database, sql)).toEqual([{ name: 'Käse "3"' }])
  expect(await query(postgresUrl(database), sql)).toEqual([{ name: 'Käse "3"' }])
})

it('refuses a port that is taken with the words of the server', async () => {
  await expect(startPostgres({ port: server.port })).rejects.toThrow(/Address already in use/)
})

it('refuses a wrong setting with the words of the server', async () => {
  await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow(/max_connections/)
})

it('keeps data from run to run, committed writes also when it was killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eventsourced-postgres-test-'))
  const dataDir = join(folder, 'in', 'depth')
  const first = await startPostgres({ dataDir })
  await query(first, 'CREATE TABLE t (a int)')
  await first.stop()
  const second = await startPostgres({ dataDir, port: first.port })
  expect(second.port).toBe(first.port)
  await query(second, 'INSERT INTO t VALUES (1)')
  await second.kill()
  await second.start()
  expect(await query(second, 'SELECT a FROM t')).toEqual([{ a: 1 }])
  await second.stop()
  rmSync(folder, { recursive: true })
})
