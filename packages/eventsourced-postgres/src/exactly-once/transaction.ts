import { randomUUID } from 'node:crypto'
import type { ClientBase, Pool, PoolClient } from 'pg'
import { borrow } from '../database/lend.js'
import { isConnectionSpent } from '../errors/sqlstate.js'
import { TRANSACTION_SETTING } from '../sql/commit-slices.js'
import { type Guarded, guardedTx, type Tx } from './guarded-tx.js'
import type { Watched } from './watched-transactions.js'

/** A transaction under way. */
export interface Transaction {
  readonly client: PoolClient
  /** Its name, by which it is noticed if somebody else has ended it. */
  readonly name: string
}

/** What is done in a transaction. */
export interface TransactionWork<Result> {
  /** Writes what is to be committed. Once it has ended, well or not, nothing more gets in of what it may have left behind. */
  readonly write: (tx: Tx) => Promise<void>
  /** Commits, or rolls back. Not called where `write` has failed. */
  readonly finish: (transaction: Transaction) => Promise<Result>
}

/** How a transaction is run. */
export interface TransactionOptions {
  /** Fires when nobody waits for it any longer: its connection is cut at once. */
  readonly signal: AbortSignal
  /** How long the server waits for signs of life, in milliseconds, and what it is told for that: see `watchedTransactions`. */
  readonly watched: Watched
}

/** How long to wait for a connection of the pool. */
const CONNECT_MS = 10_000

/**
 * Runs work in a transaction on a connection of the pool. Whatever the work leaves undone is rolled back, and a connection that can't be trusted
 * any longer is cut.
 */
export async function inTransaction<Result>(
  pool: Pool,
  { signal, watched }: TransactionOptions,
  { write, finish }: TransactionWork<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const { client, giveBack } = await borrow(pool, { timeoutMs: CONNECT_MS, signal })
  let isCut = false
  let isLost = false
  let guarded: Guarded | undefined
  const cutOff = () => {
    isCut = true
    giveBack(true)
  }
  const lost = () => {
    isLost = true
  }
  signal.addEventListener('abort', cutOff)
  client.once('error', lost)
  try {
    signal.throwIfAborted()
    const name = randomUUID()
    await client.query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; ${watched.settings}; SET LOCAL ${TRANSACTION_SETTING} = '${name}'`,
    )
    guarded = guardedTx(client, { isCut: () => isCut, isLost: () => isLost, silenceMs: watched.silenceMs })
    try {
      await write(guarded.tx)
    } finally {
      // Before anything else is sent: what comes behind a ROLLBACK or COMMIT would be a transaction of its own.
      await guarded.end()
    }
    const result = await finish({ client, name })
    giveBack(false)
    return result
  } catch (error) {
    giveBack(isCut || (await rollBack(client)))
    // What the handler made of a connection that it lost is not its failure.
    throw guarded?.lostBy() ?? error
  } finally {
    signal.removeEventListener('abort', cutOff)
    client.off('error', lost)
  }
}

/** Rolls back, and tells whether the connection must be cut. */
async function rollBack(client: ClientBase): Promise<boolean> {
  try {
    await client.query('ROLLBACK')
    return false
  } catch (error) {
    return isConnectionSpent(error)
  }
}
