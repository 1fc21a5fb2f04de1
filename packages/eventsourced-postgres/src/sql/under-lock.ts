import type { Names } from '../names.js'
import { evaluate } from './evaluate.js'
import { ONLY_READ_COMMITTED } from './read-committed.js'

/** High half of the lock's key: `evts` in ASCII. The low half is the table's oid, so that each log has a lock of its own. */
const LOCK_CLASS = 0x65767473

/**
 * How each function that takes positions begins. The lock is held to the end of the transaction, and let go only after what it wrote is
 * visible, so that positions become visible in order. What is judged must be read by a later statement, with a new snapshot.
 */
export function underLock({ regclass }: Names, lockTimeout: string): string {
  return `${ONLY_READ_COMMITTED}
    ${evaluate(`set_config('lock_timeout', ${lockTimeout}, true)`)}
    ${evaluate(`pg_advisory_xact_lock((${LOCK_CLASS}::bigint << 32) | ${regclass()}::oid::bigint)`)}
  `
}
