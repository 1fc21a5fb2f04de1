import { type EntityKey, type Snapshot, type SnapshotSaved, UnavailableError } from 'eventsourced'
import { type Bucket, look, type Put, purge, read, swap } from '../kv/bucket.js'
import type { RecentSaves, Saved } from './recent-saves.js'
import { newestKey, olderKey, olderKeys } from './snapshot-keys.js'
import { decodeSnapshot, encodeSnapshot, type KeptSnapshot } from './snapshot-value.js'

/** A snapshot to be saved. */
export interface Saving {
  readonly key: EntityKey
  readonly snapshot: Snapshot
  /** How many are kept, this one included. */
  readonly keep: number
}

/** What stands under the key of the newest snapshot: 0 as the revision if nothing does. */
interface Entry extends Saved {
  /** The snapshot itself, where it was read; what this store saved itself is not read again. */
  readonly kept: KeptSnapshot | undefined
}

/**
 * Saves a snapshot unless a newer one is there: compares and swaps the revision of the newest one's key, so that of savers that race the newest
 * wins. The one before it is kept by the very same swap, so that a race that is lost leaves nothing. May be done again at will.
 *
 * @throws {RefusedError} with the reason `too-large`
 * @throws {UnavailableError} if another one was first: the next try sees it
 */
export async function save(bucket: Bucket, recent: RecentSaves, saving: Saving): Promise<SnapshotSaved> {
  const { key, snapshot, keep } = saving
  const name = newestKey(key)
  const entry = await newestOf(bucket, recent, saving)
  if (entry.seqNo > snapshot.seqNo) {
    recent.set(name, entry)
    return savedOf(entry)
  }
  const before = entry.seqNo === 0 ? [] : [entry.seqNo, ...entry.older]
  const older = before.filter((seqNo) => seqNo < snapshot.seqNo).slice(0, keep - 1)
  const put = putOf(key, name, { snapshot, older })
  const along = entry.kept !== undefined && older.includes(entry.seqNo) ? [olderPut(key, entry.kept)] : []
  const revision = await swap(bucket, put, entry.revision, along)
  if (revision === undefined) throw new UnavailableError(`another snapshot was saved under ${name} meanwhile`)
  if (entry.older.length > 0) await dropOlder(bucket, key, older, revision)
  const saved = { revision, seqNo: snapshot.seqNo, older }
  recent.set(name, saved)
  return savedOf(saved)
}

function savedOf({ seqNo, older }: Saved): SnapshotSaved {
  return { oldestSeqNo: older.at(-1) ?? seqNo }
}

/** What the save is about to replace. Where it is to be kept it must be read, else this store remembers what it saved itself. */
async function newestOf(bucket: Bucket, recent: RecentSaves, { key, snapshot, keep }: Saving): Promise<Entry> {
  const name = newestKey(key)
  const known = recent.take(name)
  // Only a swap that fails can tell that it is outdated.
  const isReplaced = known !== undefined && known.seqNo <= snapshot.seqNo
  const isGone = keep === 1 || known?.seqNo === snapshot.seqNo
  if (isReplaced && isGone) return { ...known, kept: undefined }
  const msg = await read(bucket, name)
  // What another client has marked as deleted has a revision, and nothing to decode.
  const kept = msg && decodeSnapshot(msg.data)
  return { revision: msg?.seq ?? 0, seqNo: kept?.snapshot.seqNo ?? 0, older: kept?.older ?? [], kept }
}

/** Purges the older snapshots that are kept no longer, those too that an earlier save left there when it was cut off. Later ones are not ours. */
async function dropOlder(bucket: Bucket, key: EntityKey, kept: readonly number[], revision: number): Promise<void> {
  const { keys } = await look(bucket, olderKeys(key), revision)
  const stay = new Set(kept.map((seqNo) => olderKey(key, seqNo)))
  for (const name of keys) if (!stay.has(name)) await purge(bucket, name, revision)
}

function olderPut(key: EntityKey, { snapshot }: KeptSnapshot): Put {
  return putOf(key, olderKey(key, snapshot.seqNo), { snapshot, older: [] })
}

function putOf({ typeName, id }: EntityKey, name: string, kept: KeptSnapshot): Put {
  return {
    key: name,
    data: encodeSnapshot(kept),
    what: `the state of ${typeName} ${id} at event ${kept.snapshot.seqNo}`,
  }
}
