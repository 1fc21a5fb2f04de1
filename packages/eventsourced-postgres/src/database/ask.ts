import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { readError } from '../errors/read-error.js'
import { sqlState } from '../errors/sqlstate.js'
import { lend, type WorkBounds } from './lend.js'
import { inReadCommitted } from './read-committed.js'
import type { Parameter, Row, Statement } from './statement.js'

/** A connection of a pool may have been lost while it lay idle, and so may the next. */
const ATTEMPTS = 3
const PAUSE_MS = 50

/** A question, and what it is asked for, as it stands in an error: "reading the head". */
export interface Question {
  readonly doing: string
  readonly statement: Statement
  readonly values: Parameter[]
  /** How often it is tried at most; once for what must not be repeated. */
  readonly attempts?: number
}

/**
 * Runs a statement that may be repeated at will, on a connection of the pool, again if the connection is lost.
 *
 * @throws {RefusedError | UnavailableError} or the signal's reason
 */
export async function ask(
  pool: Pool,
  bounds: WorkBounds,
  { doing, statement, values, attempts = ATTEMPTS }: Question,
): Promise<Row[]> {
  const start = performance.now()
  for (let attempt = 1; ; attempt++) {
    try {
      const timeoutMs = Math.max(1, bounds.timeoutMs - (performance.now() - start))
      return await lend(pool, { ...bounds, timeoutMs }, (client) => inReadCommitted(client, statement, values))
    } catch (error) {
      bounds.signal?.throwIfAborted()
      const isLost = sqlState(error) === undefined || sqlState(error)?.startsWith('57P') === true
      const isOver = attempt >= attempts || performance.now() - start > bounds.timeoutMs
      if (!isLost || isOver) throw readError(doing, error)
      await sleep(PAUSE_MS * attempt)
    }
  }
}
