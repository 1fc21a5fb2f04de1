import { type Batch, type Committed, HandlerError, UnavailableError } from 'eventsourced'
import { messageOf } from '../errors/read-error.js'
import { sqlState, TRANSACTION_ENDED } from '../errors/sqlstate.js'
import type { PostgresOffsetStore } from '../offset-store/postgres-offset-store.js'
import { blameOf } from './blame.js'
import type { Outcome, Transaction } from './transaction.js'

const IN_FAILED_TRANSACTION = '25P02'

/**
 * Moves the offsets at the very end, so that nobody waits for their rows while the handler works, and commits in the same round trip. All of it or
 * nothing.
 */
export async function finish<Evt>(
  store: PostgresOffsetStore,
  { projection, moves }: Batch<Evt>,
  { client, name, inTime }: Transaction,
): Promise<Outcome<Committed>> {
  const ended = await inTime(store.commitIn(client, name, projection, moves())).catch((error: unknown) => {
    // It waits for what the handler has left behind, which may never end, or crash.
    if (sqlState(error) === undefined) return { kind: 'failed', error } as const
    throw offenceOf(error)
  })
  switch (ended.kind) {
    case 'committed':
      return { kind: 'done', result: ended.committed }
    case 'fenced':
      await inTime(client.query('ROLLBACK'))
      return { kind: 'done', result: ended.committed }
    case 'rolled-back':
      throw handlerFailed('a statement that it left behind has failed', undefined)
    case 'failed':
      return notCommitted(ended.error)
  }
}

/** Judges a COMMIT that failed: whatever the server refuses then, such as a constraint that was deferred, the handler has written. */
function notCommitted(error: unknown): Outcome<never> {
  switch (blameOf(error)) {
    case 'handler':
      throw handlerFailed(messageOf(error), error)
    case 'others':
      throw error
    case 'connection': {
      const message = `whether the transaction was committed is not known: ${messageOf(error)}`
      return { kind: 'lost', error: new UnavailableError(message, { cause: error }) }
    }
  }
}

/** What a handler did to the transaction that it must not. */
function offenceOf(error: unknown): unknown {
  const code = sqlState(error)
  if (code === TRANSACTION_ENDED) return handlerFailed('it has ended the transaction', error)
  if (code === IN_FAILED_TRANSACTION) return handlerFailed('a statement of it failed, and it went on', error)
  return error
}

/** What `onError` is asked about. */
export function handlerFailed(what: string, cause: unknown, index?: number): HandlerError {
  return new HandlerError('PROJECTION_HANDLER_FAILED', `the handler failed: ${what}`, { cause, index })
}
