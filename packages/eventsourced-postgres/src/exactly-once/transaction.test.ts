import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../fixture.test.helper.js'
import type { Tx } from './guarded-tx.js'
import { inTransaction, type Outcome, type Transaction } from './transaction.js'

const watched = { silenceMs: 10_000, settings: "SET LOCAL idle_in_transaction_session_timeout = '10s'" }
const OPTIONS = { signal: new AbortController().signal, watched, timeoutMs: 10_000 }

let pool: Pool

beforeEach(async () => {
  pool = new Pool({ ...(await testPostgres()), max: 2 })
  await pool.query('CREATE TABLE written (n integer NOT NULL)')
})
afterEach(() => pool.end())

function write(tx: Tx, n: number): Promise<unknown> {
  return tx.query('INSERT INTO written VALUES ($1)', [n])
}

async function written(): Promise<number[]> {
  const { rows } = await pool.query<{ n: number }>('SELECT n FROM written ORDER BY n')
  return rows.map(({ n }) => n)
}

/** Does what a handler leaves behind: it writes again as soon as its statement is answered, which is when the next one is sent. */
async function writeOn(tx: Tx): Promise<unknown> {
  await write(tx, 1)
  return write(tx, 2)
}

async function commit({ client }: Transaction): Promise<Outcome<undefined>> {
  await client.query('COMMIT')
  return { kind: 'done', result: undefined }
}

test('what is left behind when writing has failed gets in no more behind the ROLLBACK', async () => {
  const left: Promise<unknown[]>[] = []
  const failing = inTransaction(pool, OPTIONS, {
    write: async ({ tx }) => {
      left.push(Promise.allSettled([writeOn(tx)]))
      throw new Error('failed meanwhile')
    },
    finish: commit,
  })
  await expect(failing).rejects.toThrow('failed meanwhile')
  expect(await left[0]).toMatchObject([{ status: 'rejected', reason: { code: 'UNAVAILABLE' } }])
  expect(await written()).toEqual([])
})

test('what is left behind when writing is done gets in no more behind the COMMIT', async () => {
  const left: Promise<unknown[]>[] = []
  await inTransaction(pool, OPTIONS, {
    write: async ({ tx }) => {
      left.push(Promise.allSettled([writeOn(tx)]))
    },
    finish: commit,
  })
  expect(await left[0]).toMatchObject([{ status: 'rejected', reason: { code: 'UNAVAILABLE' } }])
  expect(await written()).toEqual([1])
})

test('waits for a connection of the pool only as long as it is waited for itself, and leaves the pool as it was', async () => {
  const taken = await Promise.all([pool.connect(), pool.connect()])
  const abort = new AbortController()
  const waiting = inTransaction(pool, { ...OPTIONS, signal: abort.signal }, { write: async () => {}, finish: commit })
  abort.abort(new Error('given up'))
  await expect(waiting).rejects.toThrow('given up')
  for (const client of taken) client.release()
  await until('all are back', () => pool.waitingCount === 0 && pool.idleCount === pool.totalCount)
})
