import { hasCode, type Persisted } from 'eventsourced'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, type PoolConfig } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  backends,
  collect,
  newAppend,
  newEvt,
  newKey,
  recorder,
  until,
  withClient,
  ZERO,
} from '../fixture.test.helper.js'
import { MAX_GROUP_BYTES, PostgresEvtLog, type PostgresEvtLogConfig } from '../index.js'

const WAITS_FOR_LOCK = "wait_event_type = 'Lock'"

let connection: PoolConfig
let admin: Client
let logs: PostgresEvtLog[]

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  logs = []
})

afterEach(async () => {
  await Promise.all(logs.map((log) => log.close()))
  await admin.end()
})

type Options = Omit<PostgresEvtLogConfig, 'pool' | 'connection'> & { readonly connection?: PoolConfig }

async function open(options: Options = {}): Promise<PostgresEvtLog> {
  const log = await PostgresEvtLog.create({ connection, setup: true, ...options })
  logs.push(log)
  return log
}

/** Holds up appends until the work is done: what is appended meanwhile shares a batch. */
async function whileHeldUp<T>(work: () => Promise<T>): Promise<T> {
  await admin.query('BEGIN')
  await admin.query('LOCK TABLE eventsourced.events IN ACCESS EXCLUSIVE MODE')
  try {
    return await work()
  } finally {
    await admin.query('ROLLBACK')
  }
}

/** Has appends share a batch, behind another one that is held up. */
async function inOneBatch<T>(log: PostgresEvtLog, start: () => Promise<T>[]): Promise<PromiseSettledResult<T>[]> {
  const { first, appends } = await whileHeldUp(async () => {
    const first = log.persist(newAppend(newKey()))
    await until('the first append waits', async () => (await backendsWaiting()) === 1)
    return { first, appends: Promise.allSettled(start()) }
  })
  await first
  return appends
}

function backendsWaiting(): Promise<number> {
  return withClient(connection, (client) => backends(client, WAITS_FOR_LOCK))
}

function codes(results: PromiseSettledResult<unknown>[]): string[] {
  return results.map((result) => (result.status === 'fulfilled' ? 'stored' : codeOf(result.reason)))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

describe('a batch', () => {
  test('is one statement, in one transaction, for all that wait', async () => {
    const log = await open()
    const answers = await inOneBatch(log, () => Array.from({ length: 500 }, () => log.persist(newAppend(newKey()))))
    expect(new Set(codes(answers))).toEqual(new Set(['stored']))
    const { rows } = await admin.query<{ count: string }>(
      "SELECT count(DISTINCT xmin::text)::text AS count FROM eventsourced.events WHERE type_name = 'counter'",
    )
    expect(rows).toEqual([{ count: '2' }])
  })

  test('has appends that conflict, that are too large, and that the database can’t store fail alone', async () => {
    await admin.query('CREATE SCHEMA eventsourced')
    const log = await open()
    await admin.query("ALTER TABLE eventsourced.events ADD CHECK (type <> 'Poison')")
    const taken = newKey()
    await log.persist(newAppend(taken))
    const special: Record<number, () => Promise<Persisted>> = {
      17: () => log.persist(newAppend(taken)),
      100: () => log.persist(newAppend(newKey(), ZERO, newEvt({ bytes: new Uint8Array(MAX_GROUP_BYTES) }))),
      101: () => log.persist(newAppend(newKey(), ZERO, newEvt({ type: 'Poison' }))),
      300: () => log.persist(newAppend(newKey(), { seqNo: 3, position: 3 })),
      499: () => log.persist(newAppend(newKey(), ZERO, newEvt({ type: 'Poison' }))),
    }
    const appends = Array.from({ length: 500 }, () => newAppend(newKey()))
    const answers = await inOneBatch(log, () =>
      appends.map((append, index) => (special[index] ?? (() => log.persist(append)))()),
    )
    const expected = appends.map((): string => 'stored')
    expected[17] = expected[300] = 'CONFLICT'
    expected[100] = expected[101] = expected[499] = 'REFUSED'
    expect(codes(answers)).toEqual(expected)
    for (const [index, { key }] of appends.entries()) {
      expect((await log.head(key)).seqNo).toBe(index in special ? 0 : 1)
    }
  })

  test('is refused as full where the positions that are left don’t suffice for it', async () => {
    const log = await open()
    await log.persist(newAppend(newKey()))
    await admin.query('SELECT setval($1, $2)', ['eventsourced.events_position', Number.MAX_SAFE_INTEGER - 3])
    const full = { status: 'rejected', reason: { code: 'REFUSED', reason: 'full' } }
    const answers = await inOneBatch(log, () => Array.from({ length: 5 }, () => log.persist(newAppend(newKey()))))
    expect(answers).toMatchObject(Array.from({ length: 5 }, () => full))
    expect(await Promise.allSettled([log.persist(newAppend(newKey()))])).toMatchObject([full])
    expect(await log.headPosition()).toBe(Number.MAX_SAFE_INTEGER - 2)
  })

  test('has text that the database’s encoding lacks refused alone', async () => {
    const database = `latin_${Date.now()}`
    await admin.query(`CREATE DATABASE ${database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
    const log = await open({ connection: { ...connection, database } })
    const [good, bad] = [newAppend(newKey()), newAppend(newKey(), ZERO, newEvt({ type: '漢' }))]
    const results = await Promise.allSettled([good, bad, newAppend(newKey())].map((append) => log.persist(append)))
    expect(codes(results)).toEqual(['stored', 'REFUSED', 'stored'])
    expect(await collect(log.evtsById(good.key))).toHaveLength(1)
    expect(await collect(log.evtsById(bad.key))).toHaveLength(0)
  })

  test('has at most one append an entity: of two with the same head the first is stored, the other conflicts', async () => {
    const log = await open()
    const key = newKey()
    const first = newAppend(key)
    const [one, other] = await inOneBatch(log, () => [log.persist(first), log.persist(newAppend(key))])
    expect(codes(one && other ? [one, other] : [])).toEqual(['stored', 'CONFLICT'])
    expect(await collect(log.evtsById(key))).toHaveLength(1)
  })

  test('cuts an append that is too long for it, and stores the rest as the next', async () => {
    const log = await open()
    const key = newKey()
    const groups = Array.from({ length: 5_000 }, () => [newEvt({ bytes: new Uint8Array(1_500) })])
    let expected = ZERO
    let stored = 0
    let appends = 0
    while (stored < groups.length) {
      const persisted = await log.persist({ ...newAppend(key, expected), groups: groups.slice(stored) })
      expected = persisted.head
      stored += persisted.groups
      appends++
    }
    expect(appends).toBeGreaterThan(1)
    expect(await collect(log.evtsById(key))).toHaveLength(5_000)
  })

  test('stores a single command’s events whole, however many they are', async () => {
    const log = await open()
    const key = newKey()
    const groups = [Array.from({ length: 5_000 }, () => newEvt()), [newEvt()]]
    expect(await log.persist({ ...newAppend(key), groups })).toMatchObject({ groups: 1, head: { seqNo: 5_000 } })
    expect(await collect(log.evtsById(key))).toHaveLength(5_000)
  })
})

describe('two logs', () => {
  test('that race for the same entities store each event once, positions in order of commits', async () => {
    const [left, right] = [await open(), await open()]
    const keys = Array.from({ length: 50 }, () => newKey())
    const answers = await Promise.all(
      keys.flatMap((key) => [left, right].map((log) => Promise.allSettled([log.persist(newAppend(key))]))),
    )
    for (let pair = 0; pair < answers.length; pair += 2) {
      expect(codes([...(answers[pair] ?? []), ...(answers[pair + 1] ?? [])]).sort()).toEqual(['CONFLICT', 'stored'])
    }
    expect(await collect(left.evtsByType('counter'))).toHaveLength(50)
  })

  test('never both win under another default isolation level', async () => {
    const options = '-c default_transaction_isolation=repeatable\\ read'
    const config = { connection: { ...connection, options } }
    const [left, right] = [await open(config), await open(config)]
    for (let round = 0; round < 20; round++) {
      const key = newKey()
      const tries = [left, right].map((log) => log.persist(newAppend(key)))
      expect(codes(await Promise.allSettled(tries)).sort()).toEqual(['CONFLICT', 'stored'])
    }
    const keys = [newKey(), newKey(), newKey()]
    await Promise.all(keys.map((key) => left.persist(newAppend(key))))
    for (const key of keys) expect(await collect(right.evtsById(key))).toHaveLength(1)
  })
})

describe('an append', () => {
  test('is unavailable when somebody holds the table for too long, and stored when tried again', async () => {
    const log = await open({ lockTimeoutMs: 50 })
    const append = newAppend(newKey())
    await whileHeldUp(() => expect(log.persist(append)).rejects.toMatchObject({ code: 'UNAVAILABLE' }))
    expect(await collect(log.evtsById(append.key))).toEqual([])
    expect(await log.persist(append)).toMatchObject({ groups: 1 })
  })

  test('waits while somebody holds the table for a while', async () => {
    const log = await open()
    const append = newAppend(newKey())
    const stored = await whileHeldUp(async () => {
      const stored = log.persist(append)
      await until('it waits', async () => (await backendsWaiting()) === 1)
      return { stored }
    })
    expect(await stored.stored).toMatchObject({ groups: 1 })
  })

  test('is unavailable at once when too much waits already', async () => {
    const log = await open({ maxWaitingBytes: 10_000 })
    const large = () => log.persist(newAppend(newKey(), ZERO, newEvt({ bytes: new Uint8Array(6_000) })))
    const results = await inOneBatch(log, () => [large(), large(), large()])
    expect(codes(results)).toEqual(['stored', 'UNAVAILABLE', 'UNAVAILABLE'])
  })

  test('weighs among what waits until it is answered, also where another’s event is in its way', async () => {
    const log = await open({ maxWaitingBytes: 10_000, connection: { ...connection, max: 1 } })
    const [taken, locked] = [newKey(), newKey()]
    for (const key of [taken, locked]) await log.persist(newAppend(key))
    // Whose event it is must be read, and the one connection that reads is busy.
    await admin.query('BEGIN')
    await admin.query('SELECT FROM eventsourced.events WHERE id = $1 FOR UPDATE', [locked.id])
    const deleting = log.deleteEvts(locked, 1)
    await until('the deletion waits', async () => (await backendsWaiting()) === 1)
    const large = (key = newKey()) => log.persist(newAppend(key, ZERO, newEvt({ bytes: new Uint8Array(6_000) })))
    const conflicting = large(taken)
    const seen = conflicting.catch(codeOf)
    await log.persist(newAppend(newKey()))
    expect(await large().catch(codeOf)).toBe('UNAVAILABLE')
    await admin.query('ROLLBACK')
    await deleting
    expect(await seen).toBe('CONFLICT')
    expect(await large()).toMatchObject({ groups: 1 })
  })

  test('is stored behind all others though the sequence of positions was set back', async () => {
    const { logger, lines } = recorder()
    const log = await open()
    const keys = Array.from({ length: 10 }, () => newKey())
    for (const key of keys) await log.persist(newAppend(key))
    await admin.query("SELECT setval('eventsourced.events_position', 3)")
    const known = await log.headPosition()
    // A log that is open learns of it by a position that is taken, another one when it connects.
    expect((await log.persist(newAppend(newKey()))).head.position).toBeGreaterThan(known)
    await admin.query("SELECT setval('eventsourced.events_position', 3)")
    const another = await open({ logger })
    expect((await another.persist(newAppend(newKey('other')))).head.position).toBeGreaterThan(known + 1)
    expect(lines.join()).toContain('sequence of positions')
  })

  test('is refused as full past the last position that a number can tell', async () => {
    const log = await open()
    await log.persist(newAppend(newKey()))
    await admin.query(`SELECT setval('eventsourced.events_position', ${Number.MAX_SAFE_INTEGER - 1})`)
    expect((await log.persist(newAppend(newKey()))).head.position).toBe(Number.MAX_SAFE_INTEGER)
    await expect(log.persist(newAppend(newKey()))).rejects.toMatchObject({ code: 'REFUSED', reason: 'full' })
    const several = await Promise.allSettled([newKey(), newKey()].map((key) => log.persist(newAppend(key))))
    expect(codes(several)).toEqual(['REFUSED', 'REFUSED'])
  })

  test('is refused as forbidden where the role may not write', async () => {
    const log = await open()
    await log.persist(newAppend(newKey()))
    const role = `reader_${Date.now()}`
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
    await admin.query(`GRANT USAGE ON SCHEMA eventsourced TO ${role}`)
    await admin.query(`GRANT SELECT ON ALL TABLES IN SCHEMA eventsourced TO ${role}`)
    await admin.query(`GRANT SELECT ON ALL SEQUENCES IN SCHEMA eventsourced TO ${role}`)
    const reader = await open({ setup: false, connection: { ...connection, user: role, password: 'secret' } })
    expect(await collect(reader.evtsByType('counter'))).toHaveLength(1)
    const error: unknown = await reader.persist(newAppend(newKey())).catch((error: unknown) => error)
    expect(hasCode(error, 'REFUSED') && error).toMatchObject({ reason: 'forbidden' })
  })

  test('is unavailable, and named so, where the schema was dropped', async () => {
    const log = await open()
    await log.persist(newAppend(newKey()))
    await admin.query('DROP SCHEMA eventsourced CASCADE')
    await expect(log.persist(newAppend(newKey()))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
