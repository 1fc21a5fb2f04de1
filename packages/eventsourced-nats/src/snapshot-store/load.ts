import type { EntityKey, Snapshot } from 'eventsourced'
import { type Bucket, read } from '../kv/bucket.js'
import { newestKey, olderKey } from './snapshot-keys.js'
import { decodeSnapshot, type KeptSnapshot } from './snapshot-value.js'

/**
 * The newest snapshot of an entity up to a seqNo. Asks the stream's leader: a replica may be behind, and the events that its older snapshot
 * needs may be deleted.
 */
export async function load(bucket: Bucket, key: EntityKey, maxSeqNo: number): Promise<Snapshot | undefined> {
  const newest = await readSnapshot(bucket, newestKey(key))
  if (newest === undefined || newest.snapshot.seqNo <= maxSeqNo) return newest?.snapshot
  for (const seqNo of newest.older) {
    if (seqNo > maxSeqNo) continue
    const older = await readSnapshot(bucket, olderKey(key, seqNo))
    if (older !== undefined) return older.snapshot
  }
  return undefined
}

/** What another client has marked as deleted or purged has no value. */
async function readSnapshot(bucket: Bucket, name: string): Promise<KeptSnapshot | undefined> {
  const msg = await read(bucket, name)
  return msg && decodeSnapshot(msg.data)
}
