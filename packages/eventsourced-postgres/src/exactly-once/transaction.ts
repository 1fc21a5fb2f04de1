import { randomUUID } from 'node:crypto'
import { HandlerError, UnavailableError } from 'eventsourced'
import type { ClientBase, Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg'
import { borrow } from '../database/lend.js'
import { isConnectionSpent, sqlState } from '../errors/sqlstate.js'
import { TRANSACTION_SETTING } from '../sql/commit-slices.js'

/** The transaction that a handler writes in. Its end is not the handler's: after a `COMMIT` or `ROLLBACK` of its own the event counts as failed. */
export interface Tx {
  /**
   * Runs a statement, as pg's clients do.
   *
   * @throws {UnavailableError} once the transaction is over
   */
  query<R extends QueryResultRow = QueryResultRow>(
    query: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<R>>
}

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
  /** How long the server lets it idle: so a process that is paused doesn't hold on to its locks. */
  readonly idleMs: number
}

/** How long to wait for a connection of the pool. */
const CONNECT_MS = 10_000
const IDLED_TOO_LONG = '25P03'

/**
 * Runs work in a transaction on a connection of the pool. Whatever the work leaves undone is rolled back, and a connection that can't be trusted
 * any longer is cut.
 */
export async function inTransaction<Result>(
  pool: Pool,
  { signal, idleMs }: TransactionOptions,
  { write, finish }: TransactionWork<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const { client, giveBack } = await borrow(pool, { timeoutMs: CONNECT_MS, signal })
  let isCut = false
  let isLost = false
  let isWritten = false
  let lostBy: unknown
  let idled: HandlerError | undefined
  const cutOff = () => {
    isCut = true
    giveBack(true)
  }
  const lost = (error: unknown) => {
    isLost = true
    if (sqlState(error) === IDLED_TOO_LONG) idled = idledError(idleMs, error)
  }
  signal.addEventListener('abort', cutOff)
  client.once('error', lost)
  try {
    signal.throwIfAborted()
    const name = randomUUID()
    await client.query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${idleMs}; SET LOCAL ${TRANSACTION_SETTING} = '${name}'`,
    )
    try {
      const onError = (error: unknown) => {
        // pg has errors of its own too, as for parameters that can't be sent.
        if (sqlState(error) === undefined ? isLost : isConnectionSpent(error)) lostBy = error
      }
      await write(guarded(client, { isOver: () => isCut || isWritten, onError }))
    } finally {
      // Before anything else is sent: what comes behind a ROLLBACK or COMMIT would be a transaction of its own.
      isWritten = true
    }
    const result = await finish({ client, name })
    giveBack(false)
    return result
  } catch (error) {
    giveBack(isCut || (await rollBack(client)))
    // What the handler made of a connection that it lost is not its failure, unless it let it idle.
    throw (isCut ? undefined : idled) ?? lostBy ?? error
  } finally {
    signal.removeEventListener('abort', cutOff)
    client.off('error', lost)
  }
}

/** It is the handler's own time that was too long: of a batch of many events a smaller part may fit. */
function idledError(idleMs: number, cause: unknown): HandlerError {
  const message = `the handler left its transaction idle for more than ${idleMs} ms: set idleInTransactionMs higher, or maxEvts lower`
  return new HandlerError('PROJECTION_HANDLER_TIMEOUT', message, { cause })
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

interface Guard {
  readonly isOver: () => boolean
  /** Told of each statement that failed. */
  readonly onError: (error: unknown) => void
}

/** A handler that outlives the transaction must change nothing any more: neither by itself nor in the connection's next one. */
function guarded(client: ClientBase, { isOver, onError }: Guard): Tx {
  return {
    query: async <R extends QueryResultRow>(query: string | QueryConfig, values?: unknown[]) => {
      if (isOver()) throw new UnavailableError('the transaction of this event is over')
      try {
        return await client.query<R>(query, values)
      } catch (error) {
        onError(error)
        throw error
      }
    },
  }
}
