import { randomUUID } from 'node:crypto'
import {
  type Command,
  Entity,
  type EntityRef,
  type EventSourced,
  jsonBinarizer,
  ManagedProjection,
  persist,
  Projection,
  type RunningProjection,
  snapshotEvery,
} from 'eventsourced'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, Pool, type PoolConfig } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { terminate, until } from '../fixture.test.helper.js'
import { exactlyOnce, PostgresEvtLog, PostgresOffsetStore, PostgresSnapshotStore } from '../index.js'

interface Count extends Command<number> {
  readonly type: 'Count'
}

interface Counted {
  readonly type: 'Counted'
  readonly n: number
}

const tally: EventSourced<Count, Counted, number> = {
  typeName: 'tally',
  initialState: 0,
  handleCmd: (state) => persist({ type: 'Counted', n: state + 1 }, (after) => after),
  handleEvt: (_, { n }) => n,
  snapshot: snapshotEvery(2),
}

const KEY = { name: 'applied', version: 1 }
const LEASES = { leaseTtlMs: 500 }
const ids = Array.from({ length: 6 }, () => randomUUID())
const binarizer = jsonBinarizer<Counted, number>()

let connection: PoolConfig
let admin: Client
let evtLog: PostgresEvtLog
let snapshotStore: PostgresSnapshotStore
let offsetStore: PostgresOffsetStore
let refs: EntityRef<Count, Counted>[]
let pools: Pool[]

beforeEach(async () => {
  connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  await admin.query('CREATE TABLE applied (nth bigserial PRIMARY KEY, id uuid NOT NULL, n integer NOT NULL)')
  evtLog = await PostgresEvtLog.create({ connection, setup: true })
  snapshotStore = await PostgresSnapshotStore.create({ connection, setup: true })
  offsetStore = await PostgresOffsetStore.create({ connection, setup: true, ...LEASES })
  const retention = { deleteEvts: true, behind: [offsetStore] }
  refs = await Promise.all(ids.map((id) => Entity.spawn(id, tally, { evtLog, snapshotStore, binarizer, retention })))
  pools = []
})

afterEach(async () => {
  await Promise.all(refs.map((ref) => ref.stop()))
  await Promise.all([evtLog, snapshotStore, offsetStore].map((one) => one.close()))
  await Promise.all(pools.map((pool) => pool.end()))
  await admin.end()
})

/** Starts to project as a process would, on connections of its own, which bear its name. */
async function startProcess(name: string): Promise<RunningProjection> {
  const pool = new Pool({ ...connection, application_name: name, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  pools.push(pool)
  const handler = exactlyOnce<Counted>(
    pool,
    async ({ key, evt }, tx) => {
      await tx.query('INSERT INTO applied (id, n) VALUES ($1, $2)', [key.id, evt.n])
    },
    LEASES,
  )
  return Projection.start({ ...KEY, typeName: tally.typeName, evtLog, binarizer, handler })
}

async function count(times: number): Promise<void> {
  for (let time = 0; time < times; time++) await Promise.all(refs.map((ref) => ref.handleCmd({ type: 'Count' })))
}

async function caughtUp(): Promise<void> {
  await new ManagedProjection(KEY, { offsetStore, evtLog }).caughtUp({ deadline: new Date(Date.now() + 20_000) })
}

/** The first event of each entity that is kept. */
async function firstKept(): Promise<number[]> {
  const text =
    'SELECT min(seq_no)::integer AS first FROM eventsourced.events WHERE bytes IS NOT NULL GROUP BY id ORDER BY id'
  return (await admin.query<{ first: number }>(text)).rows.map(({ first }) => first)
}

test('retention deletes what a projection has applied, and nothing before, while its processes stop, lose their connections and take over', async () => {
  const [first, second] = [await startProcess('first'), await startProcess('second')]
  await count(10)
  await caughtUp()
  await count(2)
  await until('what is applied is deleted', async () => (await firstKept()).every((seqNo) => seqNo >= 10))

  await caughtUp()
  await Promise.all([first.stop(), second.stop()])
  const keptFrom = await firstKept()
  await count(10)
  await until('snapshots are taken', async () => {
    const snapshots = await Promise.all(ids.map((id) => snapshotStore.load({ typeName: tally.typeName, id })))
    return snapshots.every((snapshot) => snapshot?.seqNo === 22)
  })
  for (const [index, seqNo] of (await firstKept()).entries()) {
    expect(seqNo, 'what nobody has applied is kept').toBeLessThanOrEqual(13)
    expect(seqNo).toBeGreaterThanOrEqual(keptFrom[index] ?? 0)
  }

  const third = await startProcess('third')
  for (const name of ['fourth', 'fifth']) {
    const another = await startProcess(name)
    await count(6)
    await terminate(admin, `application_name = '${name}'`)
    await count(6)
    await another.stop()
  }
  await caughtUp()
  await count(2)
  await until('the rest is deleted', async () => (await firstKept()).every((seqNo) => seqNo >= 46))
  await caughtUp()
  await third.stop()
  for (const id of ids) {
    const { rows } = await admin.query<{ n: number }>('SELECT n FROM applied WHERE id = $1 ORDER BY nth', [id])
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 48 }, (_, index) => index + 1))
  }
})
