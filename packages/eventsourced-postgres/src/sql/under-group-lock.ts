import type { Names } from '../names.js'
import { ONLY_READ_COMMITTED } from './read-committed.js'

/**
 * How each function begins that judges who lives. Heartbeats share the lock, all else has it alone: so whoever was judged dead, and lost a
 * slice for that, can't have been found alive by a heartbeat meanwhile.
 */
export function underGroupLock({ regclass }: Names, lock: 'alone' | 'shared'): string {
  const take = lock === 'alone' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'
  return `${ONLY_READ_COMMITTED}
    PERFORM ${take}(hashtextextended(p_group, ${regclass()}::oid::bigint));`
}
