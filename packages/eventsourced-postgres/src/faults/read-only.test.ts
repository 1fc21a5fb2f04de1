import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from 'eventsourced-tools'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect, newAppend, newKey, recorder, until, withClient } from '../fixture.test.helper.js'
import { follow } from '../evt-log/follow.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let server: PostgresServer

beforeEach(async () => {
  server = await startPostgres()
})
afterEach(() => server.stop())

test('a server that turns read-only refuses nothing for good: appends are unavailable, and go on once it takes them', async () => {
  const log = await PostgresEvtLog.create({ connection: server, setup: true })
  await log.persist(newAppend(newKey()))
  const setReadOnly = (value: 'on' | 'off'): Promise<unknown> =>
    withClient({ ...server, options: '-c default_transaction_read_only=off' }, async (client) => {
      await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
      await client.query('SELECT pg_reload_conf()')
      await until('it is set', async () => {
        const { rows } = await withClient(server, (one) =>
          one.query<{ value: string }>("SELECT current_setting('default_transaction_read_only') AS value"),
        )
        return rows[0]?.value === value
      })
    })
  await setReadOnly('on')
  const append = newAppend(newKey())
  await expect(log.persist(append)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await collect(log.evtsByType('counter'))).toHaveLength(1)
  await setReadOnly('off')
  expect(await log.persist(append)).toMatchObject({ head: { seqNo: 1 } })
  expect(await collect(log.evtsByType('counter'))).toHaveLength(2)
  await log.close()
})

test('a replica in recovery is named at start, gives its events, also live, and takes appends once it is promoted', async () => {
  const primary = await PostgresEvtLog.create({ connection: server, setup: true })
  const key = newKey()
  const { head } = await primary.persist(newAppend(key))
  await primary.close()
  await server.kill('SIGINT')
  await writeFile(join(server.dataDir, 'pgdata', 'standby.signal'), '')
  await server.start()

  const { logger, lines } = recorder()
  const log = await PostgresEvtLog.create({ connection: server, logger })
  expect(lines.filter((line) => line.includes('pg_is_in_recovery'))).toHaveLength(1)
  expect(await collect(log.evtsById(key))).toHaveLength(1)
  const reader = follow((signal) => log.evtsByType('counter', { live: true, signal }))
  await until('it is read', () => reader.positions.length === 1)
  const told = (text: string): number => lines.filter((line) => line.includes(text)).length
  await until('it is told that nobody can listen', () => told('nobody can LISTEN') === 1)
  const append = newAppend(key, head)
  await expect(log.persist(append)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await withClient(server, (client) => client.query('SELECT pg_promote()'))
  expect(await log.persist(append)).toMatchObject({ head: { seqNo: 2 } })
  expect(await collect(log.evtsById(key))).toHaveLength(2)
  await until('it is read live', () => reader.positions.length === 2)
  await until('it listens', () => told('the LISTEN connection is back') === 1)
  expect(told('LISTEN')).toBe(2)
  await reader.stop()
  await log.close()
})
