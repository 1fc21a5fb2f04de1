import { appendIds } from 'eventsourced'
import { laxCounter, MAX_COUNT, strictCounter } from 'eventsourced/counters'
import { instanceAwareCounterSuite } from 'eventsourced/testing'
import { type PostgresConnection, startTcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { migrate } from '../database/migrate.js'
import { backends, until, withClient } from '../fixture.test.helper.js'
import { PostgresCounterStore, type PostgresCounterStoreConfig } from '../index.js'
import { postgresCounters } from './counters.test.fixture.js'
import { names } from '../names.js'
import { COUNTER_SCHEMA } from './schema.js'

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

describe('changes of several keys at once', () => {
  test('by processes that name the keys in opposite orders never wait for each other in a circle', async () => {
    const stores = await Promise.all([open(), open()])
    const counters = await Promise.all(stores.map((store) => strictCounter(store, { namespace: 'n' })))
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
    for (let round = 0; round < 10; round++) {
      const changes = counters.flatMap((counter, index) =>
        (index === 0 ? keys : keys.toReversed()).map((key) => counter.inc(key, 1)),
      )
      await Promise.all(changes)
    }
    for (const key of keys) expect((await counters[0]?.get(key))?.total).toBe(20n)
    const { rows } = await admin.query('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()')
    expect(rows).toEqual([{ deadlocks: 0 }])
    await Promise.all(counters.map((counter) => counter.close()))
  })

  test('are made but for the one that can’t be', async () => {
    const store = await open()
    const counter = await strictCounter(store, { namespace: 'n' })
    await admin.query("ALTER TABLE eventsourced.counters ADD CHECK (key <> 'bad')")
    const outcomes = await Promise.allSettled(['a', 'bad', 'c', 'overflown'].map((key) => counter.inc(key, MAX_COUNT)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'REFUSED', reason: 'bad-input' } })
    const more = await Promise.allSettled(['a', 'overflown', 'd'].map((key) => counter.inc(key, key === 'a' ? -1 : 1)))
    expect(more.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(more[1]).toMatchObject({ reason: { name: 'CounterOverflowError' } })
    expect(await counter.get('a')).toEqual({ total: MAX_COUNT - 1n, own: MAX_COUNT - 1n })
    await counter.close()
  })

  test('that were accepted are made before the store is closed', async () => {
    const store = await open()
    const instance = { namespace: 'n', instanceId: 'i', deadInstanceThreshold: 60_000, forgetAfter: 60_000 }
    const newId = appendIds()
    const changes = ['a', 'b', 'c'].map((key) => store.change(instance, key, { type: 'add', count: 1n }, newId()))
    await store.close()
    expect(await Promise.all(changes)).toEqual(Array.from({ length: 3 }, () => ({ total: 1n, own: 1n })))
    await expect(store.change(instance, 'a', { type: 'del' }, newId())).rejects.toMatchObject({ reason: 'closed' })
  })
})

test('counters of an older release count on where its schema is brought up to date', async () => {
  const older = {
    ...COUNTER_SCHEMA,
    names: names('eventsourced', 'counters'),
    setup: true,
    steps: COUNTER_SCHEMA.steps.slice(0, 1),
  }
  await withClient(connection, (client) => migrate(client, older))
  await admin.query(`
    INSERT INTO eventsourced.counters_instances (generation, alive_until, forgotten_from, namespace, instance_id)
    VALUES (nextval('eventsourced.counters_epoch'), now() + interval '1 hour', now() + interval '1 day', 'n', 'older');
    INSERT INTO eventsourced.counters_keys (epoch, generation, namespace, key)
    VALUES (nextval('eventsourced.counters_epoch'), 0, 'n', 'k');
    INSERT INTO eventsourced.counters
      (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer, namespace, key, instance_id)
    SELECT k.epoch, i.generation, 41, 1, 41, 41, now(), gen_random_uuid(), 'n', 'k', 'older'
    FROM eventsourced.counters_keys AS k, eventsourced.counters_instances AS i`)
  await expect(PostgresCounterStore.create({ connection })).rejects.toMatchObject({ field: 'setup' })
  const counter = await strictCounter(await open(), { namespace: 'n' })
  expect(await counter.inc('k', 1)).toEqual({ total: 42n, own: 1n })
  await counter.close()
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

test('what is swept waits for no change, and leaves what one holds for the next time', async () => {
  const clock = { now: Date.now() }
  const store = await open({ connection, clock: () => clock.now })
  const options = { namespace: 'n', heartbeatInterval: Infinity, forgetAfter: 30 * DAY_MS }
  const counter = await strictCounter(store, options)
  for (const key of ['held', 'free']) {
    await counter.inc(key, 1)
    await counter.del(key)
    await counter.inc(`${key} by clear`, 1)
  }
  await counter.clear()
  clock.now += 8 * DAY_MS
  const sweep = async (): Promise<void> => (await open({ connection, clock: () => clock.now })).close()
  const keys = async (table: string): Promise<string[]> => {
    const { rows } = await admin.query<{ key: string }>(`SELECT key FROM eventsourced.${table} ORDER BY 1`)
    return rows.map(({ key }) => key)
  }
  await withClient(connection, async (holder) => {
    await holder.query('BEGIN')
    for (const table of ['counters', 'counters_keys']) {
      await holder.query(`SELECT FROM eventsourced.${table} WHERE key LIKE 'held%' FOR UPDATE`)
    }
    await sweep()
  })
  expect(await keys('counters')).toEqual(['held', 'held by clear'])
  expect(await keys('counters_keys')).toEqual(['held by clear'])
  await sweep()
  expect([...(await keys('counters')), ...(await keys('counters_keys'))]).toEqual([])
  await counter.close()
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
