// A program that holds a lock in a handler's transaction for as long as it lives, for tests that pause it:
// node locking.test.fixture.js <options as JSON>. It prints a line once it has the lock.

import { Pool, type PoolConfig } from 'pg'
import { inTransaction } from './transaction.js'
import { watchedTransactions } from './watched-transactions.js'

/** What the process is told. */
export interface LockingOptions {
  readonly connection: PoolConfig
  readonly silenceMs: number
  /** What it does with the lock: it thinks, or it has a statement that takes its time. */
  readonly then: 'thinks' | 'works'
}

function isOptions(value: unknown): value is LockingOptions {
  return typeof value === 'object' && value !== null && 'connection' in value && 'silenceMs' in value
}

const options: unknown = JSON.parse(process.argv[2] ?? '')
if (!isOptions(options)) throw new Error(`no options: ${process.argv[2]}`)
const pool = new Pool({ ...options.connection, max: 1 })
const over = new Promise<void>((resolve) => process.stdin.once('end', resolve).resume())
const { signal } = new AbortController()
await inTransaction(
  pool,
  { signal, watched: await watchedTransactions(pool, options.silenceMs), timeoutMs: 10_000 },
  {
    write: async ({ tx }) => {
      await tx.query('UPDATE shared SET count = count + 100')
      const going = options.then === 'thinks' ? over : tx.query('SELECT pg_sleep(600)')
      process.stdout.write('locked\n')
      await going
    },
    finish: async ({ client }) => ({ kind: 'done', result: await client.query('COMMIT') }),
  },
)
await pool.end()
