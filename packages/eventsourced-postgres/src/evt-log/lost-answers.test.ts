import type { Persisted } from 'eventsourced'
import { type PostgresConnection, startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends, collect, newAppend, newKey, terminate, until, withClient } from '../fixture.test.helper.js'
import { PostgresEvtLog, type PostgresEvtLogConfig } from '../index.js'

const APPENDS = "query LIKE '%append%'"
const WAITS = `${APPENDS} AND wait_event_type = 'Lock'`

let connection: PostgresConnection
let proxy: TcpProxy
let admin: Client
let log: PostgresEvtLog

beforeEach(async () => {
  connection = await testPostgres()
  proxy = await startTcpProxy(connection)
  admin = new Client(connection)
  await admin.connect()
  log = await open({ connection: { ...connection, port: proxy.port } })
})

afterEach(async () => {
  proxy.rule()
  await proxy.accept()
  await log.close()
  await proxy.close()
  await admin.end()
})

function open(config: PostgresEvtLogConfig): Promise<PostgresEvtLog> {
  return PostgresEvtLog.create({ setup: true, ...config })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error
}

async function eventCount(): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int AS count FROM eventsourced.events')
  return rows[0]?.count ?? 0
}

/** Does something while appends wait for the lock of the table. */
async function whileAppendsWait(work: () => Promise<unknown>): Promise<void> {
  await withClient(connection, async (holder) => {
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE eventsourced.events IN SHARE MODE')
    await work()
  })
}

describe.each([
  ['one append', 1],
  ['a batch', 40],
])('%s', (_, count) => {
  const appends = () => Array.from({ length: count }, () => newAppend(newKey()))

  /** That each is stored, at the position that its caller was told; and so once, for there are as many events as callers. */
  async function expectStoredOnce(answers: Persisted[]): Promise<void> {
    const positions = answers.map(({ head }) => head.position).sort((left, right) => left - right)
    const evts = await collect(log.evtsByType('counter'))
    expect(evts.map(({ position }) => position)).toEqual(positions)
    expect(await eventCount()).toBe(count)
  }

  test('whose answer is cut off is stored once, and acknowledged', async () => {
    await log.head(newKey())
    let isSent = false
    let cuts = 0
    // The server answers once all is committed.
    proxy.rule((bytes, direction) => {
      isSent ||= direction === 'request' && bytes.includes('counter')
      return isSent && direction === 'answer' && cuts++ === 0 ? 'cut' : 'pass'
    })
    await expectStoredOnce(await Promise.all(appends().map((append) => log.persist(append))))
    expect(cuts).toBeGreaterThan(0)
  })

  test('whose backend is terminated while it waits for a lock is stored once, and acknowledged', async () => {
    let answers: Promise<Persisted[]> = Promise.resolve([])
    await whileAppendsWait(async () => {
      answers = Promise.all(appends().map((append) => log.persist(append)))
      await until('it waits', async () => (await backends(admin, WAITS)) === 1)
      expect(await terminate(admin, WAITS)).toBe(1)
      await until('it waits again', async () => (await backends(admin, WAITS)) === 1)
    })
    await expectStoredOnce(await answers)
  })

  test('whose client is cut off while its backend waits is stored once, and acknowledged', async () => {
    let answers: Promise<Persisted[]> = Promise.resolve([])
    await whileAppendsWait(async () => {
      answers = Promise.all(appends().map((append) => log.persist(append)))
      await until('it waits', async () => (await backends(admin, WAITS)) === 1)
      proxy.cut()
      // The first try is still on its way: reading back would show nothing.
      await until('both tries wait', async () => (await backends(admin, WAITS)) === 2)
    })
    await expectStoredOnce(await answers)
  })
})

describe('an append', () => {
  test('is uncertain when its answer is lost and the time is over', async () => {
    await log.close()
    log = await open({ connection: { ...connection, port: proxy.port }, appendTimeoutMs: 1_500 })
    const append = newAppend(newKey())
    let isSent = false
    proxy.rule((bytes, direction) => {
      isSent ||= direction === 'request' && bytes.includes(append.key.typeName)
      return isSent ? 'cut' : 'pass'
    })
    await expect(log.persist(append)).rejects.toMatchObject({ code: 'UNCERTAIN' })
    proxy.rule()
    expect(await log.persist(append)).toMatchObject({ head: { seqNo: 1 } })
    expect(await eventCount()).toBe(1)
  })

  test('is uncertain in time when the server hangs, what waits behind it is unavailable, and close() comes back', async () => {
    await log.close()
    const bounds = { appendTimeoutMs: 1_200, readTimeoutMs: 300 }
    log = await open({ connection: { ...connection, port: proxy.port, connectionTimeoutMillis: 500 }, ...bounds })
    const [sent, behind] = [newAppend(newKey()), newAppend(newKey())]
    await log.persist(newAppend(newKey()))
    const live = log.evtsByType('counter', { live: true, after: 1 })[Symbol.asyncIterator]().next()
    await until('it listens', async () => (await backends(admin, "query LIKE 'LISTEN%'")) === 1)
    proxy.rule((_, direction) => (direction === 'answer' ? 'hold' : 'pass'))
    const answer = log.persist(sent).catch(codeOf)
    await until('it is sent', async () => (await eventCount()) === 2)
    const later = log.persist(behind).catch(codeOf)
    await expect(log.head(sent.key)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await answer).toBe('UNCERTAIN')
    expect(['UNAVAILABLE', 'UNCERTAIN']).toContain(await later)
    const ended = live.catch(codeOf)
    await log.close()
    expect(await ended).toBe('REFUSED')
    proxy.rule()
    log = await open({ connection })
    expect(await log.persist(sent)).toMatchObject({ head: { seqNo: 1 } })
    expect(await log.persist(behind)).toMatchObject({ head: { seqNo: 1 } })
    expect(await eventCount()).toBe(3)
  })

  test('is unavailable, and not stored, when the server can’t be reached', async () => {
    await proxy.refuse()
    proxy.cut()
    const append = newAppend(newKey())
    await expect(log.persist(append)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await proxy.accept()
    expect(await log.persist(append)).toMatchObject({ head: { seqNo: 1 } })
    expect(await eventCount()).toBe(1)
  })

  test('is unavailable, and not stored, when its statement is cancelled', async () => {
    const append = newAppend(newKey())
    await whileAppendsWait(async () => {
      const answer = log.persist(append).catch(codeOf)
      await until('it waits', async () => (await backends(admin, WAITS)) === 1)
      await admin.query(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND ${WAITS}`,
      )
      expect(await answer).toBe('UNAVAILABLE')
    })
    expect(await eventCount()).toBe(0)
    expect(await log.persist(append)).toMatchObject({ head: { seqNo: 1 } })
  })

  test('whose answer is lost is a conflict when another writer was first', async () => {
    const another = await open({ connection })
    const append = newAppend(newKey())
    let isCut = false
    proxy.rule((bytes, direction) => {
      isCut ||= direction === 'request' && bytes.includes(append.key.typeName)
      return isCut ? 'cut' : 'pass'
    })
    const answer = log.persist(append).catch(codeOf)
    await until('it is cut off', () => isCut)
    await another.persist(newAppend(append.key))
    proxy.rule()
    expect(await answer).toBe('CONFLICT')
    expect(await eventCount()).toBe(1)
    await another.close()
  })

  test('is unavailable when no connection of the pool is free, and leaves the pool as it was', async () => {
    const pool = new Pool({ ...connection, max: 1 })
    const pooled = await open({ pool, appendTimeoutMs: 1_000 })
    const held = await pool.connect()
    await expect(pooled.persist(newAppend(newKey()))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    held.release()
    expect(await pooled.persist(newAppend(newKey()))).toMatchObject({ head: { seqNo: 1 } })
    await pooled.close()
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    await pool.end()
  })
})
