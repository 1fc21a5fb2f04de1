import { laxCounter, strictCounter } from 'eventsourced/counters'
import { instanceAwareCounterSuite } from 'eventsourced/testing'
import { type PostgresConnection, startTcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { backends, until, withClient } from '../fixture.test.helper.js'
import { PostgresCounterStore, type PostgresCounterStoreConfig } from '../index.js'
import { postgresCounters } from './counters.test.fixture.js'
import { countingChild } from './counting-child.test.fixture.js'

const DAY_MS = 24 * 3_600_000

let connection: PostgresConnection
let admin: Client

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
})

afterEach(() => admin.end())

async function open(config: PostgresCounterStoreConfig = { connection }): Promise<PostgresCounterStore> {
  const store = await PostgresCounterStore.create({ setup: true, ...config })
  onTestFinished(() => store.close())
  return store
}

describe('the process that counts', () => {
  test('is killed: its share drops out by itself, and nothing that was answered is lost', async () => {
    const store = await open()
    const other = await strictCounter(store, { namespace: 'n' })
    await other.inc('k', 1_000_000)
    const options = { namespace: 'n', instanceId: 'child', deadInstanceThreshold: 500 }
    const child = countingChild(connection, options)
    onTestFinished(() => child.kill())
    await child.counted(20n)
    expect((await other.get('k')).total).toBeGreaterThanOrEqual(1_000_020n)
    await child.kill()
    await until('its share is out', async () => (await other.get('k')).total === 1_000_000n)
    const again = await strictCounter(store, options)
    const { total, own } = await again.get('k')
    expect([child.own, child.own + 1n]).toContain(own)
    expect(total).toBe(1_000_000n + own)
    await Promise.all([again.close(), other.close()])
  })
})

describe('an answer that is lost', () => {
  test('is asked for again, and the change is made once, by strict and by lax counters', async () => {
    const proxy = await startTcpProxy(connection)
    onTestFinished(() => proxy.close())
    const near = await open()
    const far = await open({ connection: { ...connection, port: proxy.port, max: 1 } })
    const strict = await strictCounter(far, { namespace: 'n', heartbeatInterval: Infinity })
    const flushing = await strictCounter(far, { namespace: 'n', heartbeatInterval: Infinity })
    const lax = laxCounter(flushing, { flushInterval: 1 })
    const other = await strictCounter(near, { namespace: 'n' })
    let cuts = 0
    for (let round = 1; round <= 10; round++) {
      let isSent = false
      proxy.rule((bytes, direction) => {
        if (cuts === round) return 'pass'
        if (direction === 'request') isSent ||= bytes.includes('add')
        if (direction === 'request' || !isSent) return 'pass'
        cuts = round
        return 'cut'
      })
      await (round <= 5 ? strict : lax).inc('k', 1)
      await until('it is counted', async () => (await other.get('k')).total >= BigInt(round) && cuts === round)
      const own = (await (round <= 5 ? strict : lax).get('k')).own
      expect(own).toBe(BigInt(round <= 5 ? round : round - 5))
      expect((await other.get('k')).total).toBe(BigInt(round))
    }
    await Promise.all([strict.close(), lax.close(), other.close()])
  })

  test('from a backend that waits for a lock and goes on when nobody listens does no harm', async () => {
    const store = await open({ connection, timeoutMs: 100 })
    const counter = await strictCounter(store, { namespace: 'n' })
    await counter.inc('k', 1)
    const counting = await withClient(connection, async (holder) => {
      await holder.query('BEGIN')
      await holder.query('SELECT FROM eventsourced.counters FOR UPDATE')
      const pending = counter.inc('k', 1)
      const waits = "query LIKE '%change%' AND wait_event_type = 'Lock'"
      await until('the change was sent twice', async () => (await backends(admin, waits)) > 1)
      return { pending }
    })
    expect(await counting.pending).toEqual({ total: 2n, own: 2n })
    await until(
      'no backend is left',
      async () => (await backends(admin, "query LIKE '%change%' AND state = 'active'")) === 0,
    )
    expect(await counter.get('k')).toEqual({ total: 2n, own: 2n })
    await counter.close()
  })
})

describe('the schema', () => {
  test.each(['"; DROP TABLE x; --', "o'brien\\", '$body$', 'select', '%s $1 ?'])(
    'may have any name: %s',
    async (name) => {
      const store = await open({ connection, schema: name, table: name })
      const counter = await strictCounter(store, { namespace: name })
      expect(await counter.inc(name, 1)).toEqual({ total: 1n, own: 1n })
      await counter.clear()
      expect(await counter.get(name)).toEqual({ total: 0n, own: 0n })
      await counter.close()
    },
  )

  test('is created once by several that come at once, and may hold several tables of counters', async () => {
    const stores = await Promise.all(['a', 'a', 'b', 'b'].map((table) => open({ connection, table })))
    const counters = await Promise.all(stores.map((store) => strictCounter(store, { namespace: 'n' })))
    for (const counter of counters) await counter.inc('k', 1)
    for (const counter of counters) expect((await counter.get('k')).total).toBe(2n)
    await Promise.all(counters.map((counter) => counter.close()))
  })

  test('is named as missing where it is, and wrong settings by their names', async () => {
    const missing = PostgresCounterStore.create({ connection })
    await expect(missing).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'setup' })
    const noClock: unknown = 'noon'
    for (const [field, wrong] of [
      ['timeoutMs', { timeoutMs: 0 }],
      ['clock', { clock: noClock }],
      ['config', { tabel: 'counters' }],
    ] as const) {
      const create: unknown = Reflect.get(PostgresCounterStore, 'create')
      const config = { connection, ...wrong }
      const creating = async (): Promise<unknown> =>
        typeof create === 'function' && create.call(PostgresCounterStore, config)
      await expect(creating()).rejects.toMatchObject({ code: 'INVALID_INPUT', field })
    }
  })
})

test('counters keep to their contract under another default isolation level', async () => {
  await open()
  const options = '-c default_transaction_isolation=repeatable\\ read'
  const create = postgresCounters({ connection: { ...connection, options, max: 4 } })
  const wanted = ['concurrent increments of several instances', 'clears that run', 'of what sets']
  const cases = instanceAwareCounterSuite.filter(({ name }) => wanted.some((start) => name.startsWith(start)))
  expect(cases).toHaveLength(wanted.length)
  for (const { run } of cases) await run(create)
})

test('what is forgotten is removed when the next store is opened, and nothing else', async () => {
  const clock = { now: Date.now() }
  const store = await open({ connection, clock: () => clock.now })
  const common = { namespace: 'n', heartbeatInterval: Infinity, forgetAfter: DAY_MS }
  const [gone, kept] = [
    await strictCounter(store, { ...common, instanceId: 'gone' }),
    await strictCounter(store, { ...common, instanceId: 'kept', forgetAfter: 30 * DAY_MS }),
  ]
  for (const counter of [gone, kept]) {
    await counter.inc('live', 1)
    await counter.inc('deleted', 1)
  }
  await kept.del('deleted')
  clock.now += 2 * DAY_MS
  const sweep = async (): Promise<unknown> => {
    await (await open({ connection, clock: () => clock.now })).close()
    const { rows } = await admin.query<object>('SELECT instance_id, key FROM eventsourced.counters ORDER BY 1, 2')
    return rows
  }
  const live = { instance_id: 'kept', key: 'live' }
  expect(await sweep()).toEqual([{ instance_id: 'kept', key: 'deleted' }, live])
  clock.now += 6 * DAY_MS
  expect(await sweep()).toEqual([live])
  expect(await kept.get('live')).toEqual({ total: 1n, own: 1n })
  const { rows } = await admin.query('SELECT instance_id FROM eventsourced.counters_instances')
  expect(rows).toEqual([{ instance_id: 'kept' }])
  await gone.clearOnInstance()
  await Promise.all([gone.close(), kept.close()])
})

test('counters go on after their connections were lost, also in the pool’s last one', async () => {
  const store = await open({ connection: { ...connection, max: 1 } })
  const counter = await strictCounter(store, { namespace: 'n' })
  await counter.inc('k', 1)
  await admin.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  expect(await counter.inc('k', 1)).toEqual({ total: 2n, own: 2n })
  await counter.close()
})
