import { UnavailableError } from 'eventsourced'
import type { ClientBase, QueryConfig, QueryResult, QueryResultRow } from 'pg'
import { isConnectionSpent, sqlState } from '../errors/sqlstate.js'

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

/** What a handler's transaction is guarded by. */
export interface GuardOptions {
  /** Whether the connection was cut. */
  readonly isCut: () => boolean
  /** Whether the connection is lost. */
  readonly isLost: () => boolean
  /** How long the server waits for a sign of life, in milliseconds. */
  readonly silenceMs: number
}

/** A handler's transaction, and what others have to know of it. */
export interface Guarded {
  readonly tx: Tx
  /** Why a statement failed that was not to blame itself; undefined if none did. */
  readonly lostBy: () => unknown
  /** Lets no more of the handler's statements in. Those that it has left behind are answered before the next one. */
  readonly end: () => Promise<void>
}

/** Signs of life in the time that the server waits for one. */
const SIGNS = 4

/**
 * Guards a transaction: a handler that outlives it must change nothing any more, neither by itself nor in the connection's next one; and one that thinks
 * for long between two statements must not lose it, so the server is shown that this process lives.
 */
export function guardedTx(client: ClientBase, { isCut, isLost, silenceMs }: GuardOptions): Guarded {
  let isOver = false
  let underWay = 0
  let lostBy: unknown
  let sign: Promise<unknown> | undefined
  const signs = setInterval(() => {
    if (underWay > 0 || sign !== undefined) return
    sign = client
      .query('')
      .catch(() => undefined)
      .finally(() => (sign = undefined))
  }, silenceMs / SIGNS)

  async function query<R extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<R>> {
    underWay += 1
    try {
      if (sign !== undefined) await sign
      if (isOver || isCut()) throw new UnavailableError('the transaction of this event is over')
      return await client.query<R>(statement, values)
    } catch (error) {
      // pg has errors of its own too, as for parameters that can't be sent.
      if (sqlState(error) === undefined ? isLost() : isNobodysFault(error)) lostBy = error
      throw error
    } finally {
      underWay -= 1
    }
  }

  return {
    tx: { query },
    lostBy: () => lostBy,
    end: async () => {
      clearInterval(signs)
      isOver = true
      await sign
    },
  }
}

/** A serialization failure, a deadlock, a full disk, too many connections. What a statement itself takes too much of (memory, temporary files) is not among them. */
const NOBODYS_FAULT = ['40001', '40P01', '53100', '53300']

/** Whether a statement failed for what others do, or for what the server lacks for now. */
function isNobodysFault(error: unknown): boolean {
  return isConnectionSpent(error) || NOBODYS_FAULT.includes(sqlState(error) ?? '')
}
