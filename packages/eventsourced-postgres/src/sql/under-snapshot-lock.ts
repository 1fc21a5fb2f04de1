import type { Names } from '../names.js'
import { ONLY_READ_COMMITTED } from './read-committed.js'

/** How each function that writes snapshots begins: those of an entity wait for one another, be there rows to lock or none yet. */
export function underSnapshotLock({ regclass }: Names): string {
  return `${ONLY_READ_COMMITTED}
    PERFORM pg_advisory_xact_lock(hashtextextended(p_type_name || ' ' || p_id::text, ${regclass()}::oid::bigint));`
}
