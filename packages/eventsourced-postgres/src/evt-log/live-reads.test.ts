import { appendIds, type Head, sliceOf } from 'eventsourced'
import { type PostgresConnection, startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends, newAppend, newEvt, newKey, recorder, terminate, until, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog, type PostgresEvtLogConfig } from '../index.js'
import { names } from '../names.js'
import { follow } from './follow.test.helper.js'

const LISTENS = "query LIKE 'LISTEN%'"
/** So long that a read which sees an event has been woken. */
const NEVER_POLLS = 3_600_000

let connection: PostgresConnection
let proxy: TcpProxy
let admin: Client
let logs: PostgresEvtLog[]

beforeEach(async () => {
  connection = await testPostgres()
  proxy = await startTcpProxy(connection)
  admin = new Client(connection)
  await admin.connect()
  logs = []
})

afterEach(async () => {
  proxy.rule()
  await Promise.all(logs.map((log) => log.close()))
  await proxy.close()
  await admin.end()
})

type Options = Omit<PostgresEvtLogConfig, 'pool' | 'connection'>

async function open(options: Options, port = connection.port): Promise<PostgresEvtLog> {
  const log = await PostgresEvtLog.create({ connection: { ...connection, port }, setup: true, ...options })
  logs.push(log)
  return log
}

async function append(log: PostgresEvtLog, count: number, key = newKey()): Promise<number[]> {
  const positions = []
  let head: Head = await log.head(key)
  for (let nth = 0; nth < count; nth++) {
    head = (await log.persist(newAppend(key, head))).head
    positions.push(head.position)
  }
  return positions
}

function isListening(): Promise<void> {
  return until('it listens', async () => (await backends(admin, LISTENS)) === 1)
}

describe('a live read', () => {
  test('is woken by what another log stores', async () => {
    const [reader, writer] = [await open({ pollIntervalMs: NEVER_POLLS }), await open({})]
    const key = newKey()
    const byType = follow((signal) => reader.evtsByType('counter', { live: true, signal }))
    const byId = follow((signal) => reader.evtsById(key, { live: true, signal }))
    await isListening()
    const known = await append(writer, 5, key)
    const batch = [newKey(), newKey(), newKey()].map((key) => writer.persist(newAppend(key)))
    const more = (await Promise.all(batch)).map(({ head }) => head.position)
    await until('all are seen', () => byType.positions.length >= 8 && byId.positions.length >= 5)
    await Promise.all([byType.stop(), byId.stop()])
    expect(byType.positions).toEqual([...known, ...more])
    expect(byId.positions).toEqual(known)
  })

  test('is woken by one notification a batch, however many events that has', async () => {
    const log = await open({})
    const notifications: (string | undefined)[] = []
    admin.on('notification', ({ payload }) => notifications.push(payload))
    await admin.query(`LISTEN ${names('eventsourced', 'events').channel}`)
    const appends = Array.from({ length: 300 }, () => log.persist(newAppend(newKey())))
    await Promise.all([...appends, ...Array.from({ length: 3 }, () => log.persist(newAppend(newKey('other'))))])
    const { rows } = await admin.query<{ batches: number }>(
      'SELECT count(DISTINCT xmin::text)::int AS batches FROM eventsourced.events',
    )
    expect(rows[0]?.batches).toBeLessThan(100)
    await until('all have come', () => notifications.length >= (rows[0]?.batches ?? 0))
    await admin.query('SELECT 1')
    expect(notifications).toHaveLength(rows[0]?.batches ?? 0)
    expect(
      new Set(
        notifications
          .join(' ')
          .split(' ')
          .map((topic) => topic.split('.')[0]),
      ),
    ).toEqual(new Set(['counter', 'other']))
  })

  test('is woken by a batch of so many types and slices that no notification has room for them', async () => {
    const [reader, writer] = [await open({ pollIntervalMs: NEVER_POLLS }), await open({})]
    const types = Array.from({ length: 300 }, (_, nth) => `${nth}`.padStart(64, 'type-of-a-long-name-'))
    const followers = types.slice(-2).map((type) => follow((signal) => reader.evtsByType(type, { live: true, signal })))
    await isListening()
    const payloads: (string | undefined)[] = []
    admin.on('notification', ({ payload }) => payloads.push(payload))
    await admin.query(`LISTEN ${names('eventsourced', 'events').channel}`)
    await Promise.all(types.map((type) => writer.persist(newAppend(newKey(type)))))
    await until('it is told', () => payloads.length > 0)
    await until('all are seen', () => followers.every(({ positions }) => positions.length === 1))
    expect(payloads).toContain('')
    await Promise.all(followers.map(({ stop }) => stop()))
  })

  test('goes on after its LISTEN connection is terminated', async () => {
    const [reader, writer] = [await open({ pollIntervalMs: NEVER_POLLS }, proxy.port), await open({})]
    const follower = follow((signal) => reader.evtsByType('counter', { live: true, signal }))
    await isListening()
    const known = await append(writer, 2)
    for (let round = 0; round < 3; round++) {
      await until('all are seen', () => follower.positions.length >= known.length)
      await proxy.refuse()
      expect(await terminate(admin, LISTENS)).toBe(1)
      known.push(...(await append(writer, 2)))
      await proxy.accept()
      // Nothing but that it listens again can have woken it.
      await until('what was stored meanwhile is seen', () => follower.positions.length >= known.length)
      known.push(...(await append(writer, 2)))
    }
    await until('all are seen', () => follower.positions.length >= known.length)
    await follower.stop()
    expect(follower.positions).toEqual(known)
  })

  test('sees events though their notifications are swallowed', async () => {
    const [reader, writer] = [await open({ pollIntervalMs: 20 }, proxy.port), await open({})]
    const { channel } = names('eventsourced', 'events')
    let dropped = 0
    proxy.rule((bytes, direction) => {
      if (direction === 'request' || !bytes.includes(channel)) return 'pass'
      dropped++
      return 'drop'
    })
    const follower = follow((signal) => reader.evtsByType('counter', { live: true, signal }))
    await isListening()
    const known = await append(writer, 5)
    await until('all are seen', () => follower.positions.length >= known.length)
    await until('a notification was swallowed', () => dropped > 0)
    await follower.stop()
    expect(follower.positions).toEqual(known)
  })

  test('goes on after the database could not be reached for a while, which is told once for all of them', async () => {
    const { logger, lines } = recorder()
    const told = (text: string): number => lines.filter((line) => line.includes(text)).length
    const [reader, writer] = [await open({ pollIntervalMs: 20, logger }, proxy.port), await open({})]
    const followers = Array.from({ length: 4 }, () =>
      follow((signal) => reader.evtsByType('counter', { live: true, signal })),
    )
    const areSeen = (): boolean => followers.every(({ positions }) => positions.length >= known.length)
    const known = await append(writer, 2)
    await until('all are seen', areSeen)
    await isListening()
    let attempts = 0
    proxy.rule(() => {
      attempts++
      return 'cut'
    })
    proxy.cut()
    known.push(...(await append(writer, 2)))
    await until('it was tried again and again', () => attempts > 40)
    proxy.rule()
    await until('all are seen', areSeen)
    await until('the end is told', () => ['live reads go on', 'is back'].every((text) => told(text) === 1))
    await Promise.all(followers.map(({ stop }) => stop()))
    for (const { positions } of followers) expect(positions).toEqual(known)
    expect(told('live reads have to wait')).toBe(1)
    expect(told('the LISTEN connection is lost')).toBe(1)
  })

  test('ends at once when its consumer leaves while it waits', async () => {
    const log = await open({ pollIntervalMs: NEVER_POLLS })
    for (const evts of [log.evtsByType('counter', { live: true }), log.evtsById(newKey(), { live: true })]) {
      const iterator = evts[Symbol.asyncIterator]()
      const next = iterator.next()
      await isListening()
      expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
      expect(await next).toEqual({ done: true, value: undefined })
      await until('it listens no longer', async () => (await backends(admin, LISTENS)) === 0)
    }
  })

  test('up to a seqNo ends though the events up to there were deleted', async () => {
    const log = await open({ pollIntervalMs: NEVER_POLLS })
    const key = newKey()
    await append(log, 5, key)
    await log.deleteEvts(key, 5)
    const seen = []
    for await (const evt of log.evtsById(key, { to: 3, live: true })) seen.push(evt)
    expect(seen).toEqual([])
  })

  test('listens on one connection with all others, and on none once they are gone', async () => {
    const log = await open({})
    const followers = Array.from({ length: 10 }, (_, index) =>
      follow((signal) => log.evtsByType(`t${index % 3}`, { live: true, signal })),
    )
    await isListening()
    await Promise.all(followers.map(({ stop }) => stop()))
    await until('it listens no longer', async () => (await backends(admin, LISTENS)) === 0)
    const again = follow((signal) => log.evtsByType('counter', { live: true, signal }))
    await isListening()
    await append(log, 1)
    await until('it is seen', () => again.positions.length === 1)
    await again.stop()
    expect(await backends(admin, LISTENS)).toBeLessThanOrEqual(1)
  })

  test('of a slice that nobody writes to does not read the same again and again', async () => {
    const log = await open({ pollIntervalMs: 10 })
    const key = newKey()
    const groups = Array.from({ length: 1_000 }, () => [newEvt()])
    await log.persist({ key, expected: ZERO, appendId: appendIds()(), groups })
    const follower = follow((signal) =>
      log.evtsByType('counter', { slice: [(sliceOf(key.id) + 1) % 64], live: true, signal }),
    )
    const read = async (): Promise<{ rows: number; scans: number }> => {
      await admin.query('SELECT pg_stat_force_next_flush()')
      const text =
        "SELECT idx_tup_fetch::int AS rows, idx_scan::int AS scans FROM pg_stat_user_tables WHERE relname = 'events'"
      const { rows } = await admin.query<{ rows: number; scans: number }>(text)
      return rows[0] ?? { rows: 0, scans: 0 }
    }
    await until('it has read the events', async () => (await read()).rows >= 1_000)
    const { scans } = await read()
    await until('it has looked for more many times', async () => (await read()).scans >= scans + 10)
    expect((await read()).rows).toBeLessThan(2_000)
    await follower.stop()
    expect(follower.positions).toEqual([])
  })
})
