import type { Pool } from 'pg'
import { lend } from '../database/lend.js'
import { sqlState } from '../errors/sqlstate.js'

/** How the server watches over transactions, so that nobody waits for the locks of a process that is no longer there. */
export interface Watched {
  /** After how long without a sign of life the server ends a transaction that does nothing, in milliseconds. */
  readonly silenceMs: number
  /** What it is told at the beginning of each. */
  readonly settings: string
}

const LOOKS = 4
const PATIENCE_MS = 10_000

/**
 * Has the server end a transaction whose process is paused, or cut off, while it waits for its next statement; and, from PostgreSQL 14 on, one whose
 * process is gone while a statement goes on, which it would notice at the statement's end only.
 */
export async function watchedTransactions(pool: Pool, silenceMs: number): Promise<Watched> {
  const idle = `SET LOCAL idle_in_transaction_session_timeout = ${silenceMs}`
  const lookMs = Math.ceil(silenceMs / LOOKS)
  const gone = `SET LOCAL client_connection_check_interval = ${lookMs}`
  return { silenceMs, settings: (await canLook(pool, lookMs)) ? `${idle}; ${gone}` : idle }
}

/** Older servers, and those on systems that can't tell, refuse the setting. */
async function canLook(pool: Pool, lookMs: number): Promise<boolean> {
  // For as long as this statement lasts.
  const set = `SELECT set_config('client_connection_check_interval', '${lookMs}', true)`
  try {
    await lend(pool, { timeoutMs: PATIENCE_MS }, (client) => client.query(set))
    return true
  } catch (error) {
    const isRefused = ['42', '22'].some((start) => sqlState(error)?.startsWith(start))
    if (isRefused) return false
    throw error
  }
}
