import { UnavailableError } from 'eventsourced'
import type { ClientBase, QueryConfig, QueryResult, QueryResultRow } from 'pg'
import { isConnectionSpent, sqlState } from '../errors/sqlstate.js'
import { type Blame, blameOf } from './blame.js'

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

/** Why a statement failed that was not to blame itself. */
export interface Excuse {
  readonly blame: Exclude<Blame, 'handler'>
  readonly error: unknown
}

/** A handler's transaction, and what others have to know of it. */
export interface Guarded {
  readonly tx: Tx
  /** The last statement that failed and was not to blame itself; undefined if none did, or if others went well after it. */
  readonly excuse: () => Excuse | undefined
  /** Whether a statement failed in a way after which the connection is of no more use. */
  readonly isSpent: () => boolean
  /**
   * Calls a handler, and waits for the statements that it has not waited for: what they do is of this event, and not of the next one.
   *
   * @throws what the last statement failed with, whether the handler has caught that or not: the transaction can't go on
   */
  readonly call: (handler: (tx: Tx) => unknown) => Promise<void>
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
  const underWay = new Set<Promise<unknown>>()
  let failure: { readonly error: unknown } | undefined
  let excuse: Excuse | undefined
  let isSpent = false
  let sign: Promise<unknown> | undefined
  const signs = setInterval(() => {
    if (underWay.size > 0 || sign !== undefined) return
    sign = client
      .query('')
      .catch(() => undefined)
      .finally(() => (sign = undefined))
  }, silenceMs / SIGNS)

  function query<R extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<R>> {
    const answer = send<R>(statement, values)
    const answered = answer.then(noop, noop).finally(() => underWay.delete(answered))
    underWay.add(answered)
    return answer
  }

  async function send<R extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<R>> {
    try {
      if (sign !== undefined) await sign
      if (isOver || isCut()) throw new UnavailableError('the transaction of this event is over')
      const result = await client.query<R>(statement, values)
      // Rolled back to a savepoint, or else this one would have failed, too.
      failure = undefined
      excuse = undefined
      return result
    } catch (error) {
      judge(error)
      throw error
    }
  }

  function judge(error: unknown): void {
    // pg has errors of its own too, as for parameters that can't be sent.
    if (sqlState(error) === undefined && !isLost()) return
    failure = { error }
    const blame = blameOf(error)
    if (blame !== 'handler') excuse = { blame, error }
    if (isConnectionSpent(error)) isSpent = true
  }

  const tx = { query }
  return {
    tx,
    excuse: () => excuse,
    isSpent: () => isSpent,
    call: async (handler) => {
      await handler(tx)
      while (underWay.size > 0) await Promise.all(underWay)
      if (failure !== undefined) throw failure.error
    },
    end: async () => {
      clearInterval(signs)
      isOver = true
      await sign
    },
  }
}

function noop(): void {}
