import type { EntityKey, Snapshot } from 'eventsourced'
import { type Bucket, newestKey, olderKey } from './bucket.js'
import { decodeSnapshot, type KeptSnapshot } from './snapshot-value.js'

/** The newest snapshot of an entity up to a seqNo. */
export async function load(bucket: Bucket, key: EntityKey, maxSeqNo: number): Promise<Snapshot | undefined> {
  const newest = await read(bucket, newestKey(key))
  if (newest === undefined || newest.snapshot.seqNo <= maxSeqNo) return newest?.snapshot
  for (const seqNo of newest.older) {
    if (seqNo > maxSeqNo) continue
    const older = await read(bucket, olderKey(key, seqNo))
    if (older !== undefined) return older.snapshot
  }
  return undefined
}

async function read({ kv }: Bucket, name: string): Promise<KeptSnapshot | undefined> {
  const entry = await kv.get(name)
  // What is deleted or purged is still there, as a marker.
  if (entry === null || entry.operation !== 'PUT') return undefined
  return decodeSnapshot(entry.value)
}
