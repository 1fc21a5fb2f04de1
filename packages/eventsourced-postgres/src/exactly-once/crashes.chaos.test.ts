import { randomUUID } from 'node:crypto'
import { kill } from 'node:process'
import { type ProjectedEvt, retry } from 'eventsourced'
import { type PostgresServer, startPostgres } from 'eventsourced-tools'
import { Client, type QueryResult } from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { collect } from '../fixture.test.helper.js'
import { exactlyOnce, exactlyOnceGrouped, type Tx } from '../index.js'
import { apply, type Noted, Notes, PATIENCE, patiently, upTo } from './notes.test.fixture.js'

let postgres: PostgresServer
let notes: Notes
beforeEach(async () => {
  postgres = await startPostgres({ settings: { fsync: 'off' } })
  notes = await Notes.create(await postgres.createDatabase())
})
afterEach(async () => {
  await notes.end()
  await postgres.stop()
})

/** No second chance. */
const ONCE = { attempts: 1, then: 'park' } as const

interface Queried {
  query(text: string): Promise<QueryResult<{ readonly pid: number }>>
}

/** Has the process of a connection crash in the middle of a statement, upon which the server ends all other connections, too. */
async function crash(connection: Queried): Promise<void> {
  const { rows } = await connection.query('SELECT pg_backend_pid() AS pid')
  const lost = connection.query('SELECT pg_sleep(600)')
  const [row] = rows
  if (row !== undefined) kill(row.pid, 'SIGKILL')
  await lost
}

/** What was applied of an entity. Connections of before a crash are of no use. */
async function applied(id: string): Promise<number[]> {
  const { rows } = await notes.pool.query<{ n: number }>('SELECT n FROM applied WHERE id = $1 ORDER BY no', [id])
  return rows.map(({ n }) => n)
}

test.for(['one by one', 'in groups'] as const)(
  'an event that crashes its backend each time is found among the others, and alone is parked: %s',
  async (mode) => {
    const ids = Array.from({ length: 9 }, () => randomUUID())
    const sick = ids[4]
    const handle = (evt: ProjectedEvt<Noted>, tx: Tx) => (evt.key.id === sick ? crash(tx) : apply(evt, tx))
    const handler =
      mode === 'one by one'
        ? exactlyOnce<Noted>(notes.pool, handle)
        : exactlyOnceGrouped<Noted>(notes.pool, async (evts, tx) => {
            for (const evt of evts) await handle(evt, tx)
          })
    for (const id of ids) await notes.note(id, 3)
    const projection = await notes.start(handler, { onError: retry(ONCE) })
    const parked = async () =>
      (await collect(projection.manage.parked())).map(({ evt }) => `${evt.key.id} ${evt.seqNo}`)
    await expect.poll(() => parked().catch(() => []), PATIENCE).toEqual([`${sick} 1`, `${sick} 2`, `${sick} 3`])
    for (const id of ids) {
      await expect.poll(() => applied(id).catch(() => []), PATIENCE).toEqual(id === sick ? [] : upTo(3))
    }
  },
)

/** Applies an event once others have had its connection lost some times. */
async function expectInnocent(times: number, strike: () => Promise<unknown>): Promise<void> {
  const onError = vi.fn(retry(ONCE))
  let calls = 0
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    await apply(evt, tx)
    if (calls++ < times) await Promise.all([tx.query('SELECT pg_sleep(600)'), strike()])
  })
  const projection = await notes.start(handler, { onError })
  const id = randomUUID()
  await projection.reached(await notes.note(id), patiently())
  expect(calls).toBe(times + 1)
  expect(onError).not.toHaveBeenCalled()
  expect(await applied(id)).toEqual([1])
}

test('crashes of others are never held against an event, however many', async () => {
  await expectInnocent(5, async () => {
    const another = new Client(notes.connection)
    another.on('error', () => undefined)
    await another.connect()
    await crash(another).catch(() => undefined)
  })
})

test('a server that is restarted in the middle of an event, and once more, is not held against it', async () => {
  await expectInnocent(2, () => postgres.kill('SIGINT').then(() => postgres.start()))
})
