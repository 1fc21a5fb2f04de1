import { randomUUID } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import { isConnectionSpent } from '../errors/sqlstate.js'
import { TRANSACTION_SETTING } from '../sql/commit-slices.js'
import { type Guarded, guardedTx } from './guarded-tx.js'
import { type Line, openLine } from './line.js'
import type { Watched } from './watched-transactions.js'

/** A transaction under way. */
export interface Transaction {
  readonly client: PoolClient
  /** Its name, by which it is noticed if somebody else has ended it. */
  readonly name: string
  /** Waits for an answer of the server. @throws {UnavailableError} if none comes in time: the connection is cut */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>
}

/** What came of a transaction. */
export type Outcome<Result> = { readonly kind: 'done'; readonly result: Result } | Lost

/** The connection was lost to a statement of the work, or at its end: after a COMMIT nobody knows whether it is stored. */
export interface Lost {
  readonly kind: 'lost'
  readonly error: unknown
  /** What the work made of it. */
  readonly thrown?: unknown
}

/** What is done in a transaction. */
export interface TransactionWork<Result> {
  /** Writes what is to be committed. Once it has ended, well or not, nothing more gets in of what it may have left behind. */
  readonly write: (guarded: Pick<Guarded, 'tx' | 'call'>) => Promise<void>
  /** Commits, or rolls back. Not called where `write` has failed. */
  readonly finish: (transaction: Transaction) => Promise<Outcome<Result>>
}

/** How a transaction is run. */
export interface TransactionOptions {
  /** Fires when nobody waits for it any longer: its connection is cut at once. */
  readonly signal: AbortSignal
  /** How long the server waits for signs of life, in milliseconds, and what it is told for that: see `watchedTransactions`. */
  readonly watched: Watched
  /** How long to wait for a connection of the pool, and for each answer to a statement that is not the work's own, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Runs work in a transaction on a connection of the pool. Whatever the work leaves undone is rolled back, and a connection that can't be trusted
 * any longer is cut.
 *
 * @throws the work's error; where others are to blame for it, or no transaction could be begun, what pg throws
 */
export async function inTransaction<Result>(
  pool: Pool,
  { signal, watched, timeoutMs }: TransactionOptions,
  { write, finish }: TransactionWork<Result>,
): Promise<Outcome<Result>> {
  signal.throwIfAborted()
  const line = await openLine(pool, { signal, timeoutMs })
  const { client } = line
  let guarded: Guarded | undefined
  try {
    signal.throwIfAborted()
    const name = randomUUID()
    await line.inTime(
      client.query(
        `BEGIN ISOLATION LEVEL READ COMMITTED; ${watched.settings}; SET LOCAL ${TRANSACTION_SETTING} = '${name}'`,
      ),
    )
    guarded = guardedTx(client, { ...line, silenceMs: watched.silenceMs })
    try {
      await write(guarded)
    } finally {
      // Before anything else is sent: what comes behind a ROLLBACK or COMMIT would be a transaction of its own.
      await line.inTime(guarded.end())
    }
    const outcome = await finish({ client, name, inTime: line.inTime })
    if (outcome.kind === 'lost' && (signal.aborted || line.isOthersCrash())) throw outcome.error
    line.end(outcome.kind === 'lost')
    return outcome
  } catch (error) {
    line.end(line.isCut() || guarded?.isSpent() === true || (await rollBack(line)))
    // What the handler made of a cut connection is told by who has cut it.
    const excuse = line.isCut() ? undefined : guarded?.excuse()
    if (excuse?.blame === 'connection' && !line.isOthersCrash())
      return { kind: 'lost', error: excuse.error, thrown: error }
    throw excuse?.error ?? error
  }
}

/** Rolls back, and tells whether the connection must be cut. */
async function rollBack({ client, inTime }: Line): Promise<boolean> {
  try {
    await inTime(client.query('ROLLBACK'))
    return false
  } catch (error) {
    return isConnectionSpent(error)
  }
}
