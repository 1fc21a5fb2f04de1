import { randomUUID } from 'node:crypto'
import { UnavailableError } from 'eventsourced'
import type { ClientBase, Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg'
import { isConnectionSpent } from '../errors/sqlstate.js'
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
  /** For handlers; refuses everything once the transaction is over. */
  readonly tx: Tx
}

/** How a transaction is run. */
export interface TransactionOptions {
  /** Fires when nobody waits for it any longer: its connection is cut at once. */
  readonly signal: AbortSignal
  /** How long the server lets it idle: so a process that is paused doesn't hold on to its locks. */
  readonly idleMs: number
}

/**
 * Runs work in a transaction on a connection of the pool, for the work to commit. Whatever the work leaves undone is rolled back, and a
 * connection that can't be trusted any longer is cut.
 */
export async function inTransaction<Result>(
  pool: Pool,
  { signal, idleMs }: TransactionOptions,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const client = await pool.connect()
  // A connection that is lost while it is lent tells so by an error event too, which without a listener would end the process.
  client.on('error', noop)
  let isOver = false
  let lostBy: unknown
  const end = (cut: boolean) => {
    if (isOver) return
    isOver = true
    signal.removeEventListener('abort', cutOff)
    client.release(cut)
    if (!cut) client.off('error', noop)
  }
  const cutOff = () => end(true)
  signal.addEventListener('abort', cutOff)
  try {
    signal.throwIfAborted()
    const name = randomUUID()
    await client.query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${idleMs}; SET LOCAL ${TRANSACTION_SETTING} = '${name}'`,
    )
    const result = await work({
      client,
      name,
      tx: guarded(client, { isOver: () => isOver, onLost: (error) => (lostBy = error) }),
    })
    end(false)
    return result
  } catch (error) {
    await rollBack(client, isOver).then(end, () => end(true))
    // What the handler made of a connection that it lost is not its failure.
    throw lostBy ?? error
  }
}

/** Rolls back, and tells whether the connection must be cut. */
async function rollBack(client: ClientBase, isOver: boolean): Promise<boolean> {
  if (isOver) return true
  try {
    await client.query('ROLLBACK')
    return false
  } catch (error) {
    return isConnectionSpent(error)
  }
}

interface Guard {
  readonly isOver: () => boolean
  /** Told of a statement that failed since its connection was lost. */
  readonly onLost: (error: unknown) => void
}

/** A handler that outlives the transaction must change nothing any more: neither by itself nor in the connection's next one. */
function guarded(client: ClientBase, { isOver, onLost }: Guard): Tx {
  return {
    query: async <R extends QueryResultRow>(query: string | QueryConfig, values?: unknown[]) => {
      if (isOver()) throw new UnavailableError('the transaction of this event is over')
      try {
        return await client.query<R>(query, values)
      } catch (error) {
        if (isConnectionSpent(error)) onLost(error)
        throw error
      }
    },
  }
}

function noop(): void {}
