import { type EntityKey, RefusedError, type Snapshot, type SnapshotSaved, UnavailableError } from 'eventsourced'
import { NatsError } from 'nats'
import { type Bucket, newestKey, olderKey, purge } from './bucket.js'
import { decodeSnapshot, encodeSnapshot, type KeptSnapshot } from './snapshot-value.js'

/** What stands under a key: 0 as the revision if nothing does. */
interface Entry {
  readonly revision: number
  readonly kept: KeptSnapshot | undefined
}

/** The package sends a header with each put: so much of `max_payload` is not the value's. */
const HEADER_BYTES = 128
const NO_MESSAGE_FOUND = 10037
// Clusters answer the second.
const CONFLICTS = [10071, 10164]

/**
 * Saves a snapshot unless a newer one is there: compares and swaps the revision of the newest one's key, so that of savers that
 * race the newest wins. May be done again at will.
 *
 * @throws {RefusedError} with the reason `too-large`
 * @throws {UnavailableError} if another one was first: the next try sees it
 */
export async function save(bucket: Bucket, key: EntityKey, snapshot: Snapshot, keep: number): Promise<SnapshotSaved> {
  const { revision, kept } = await readNewest(bucket, key)
  if (kept !== undefined && kept.snapshot.seqNo > snapshot.seqNo) return savedOf(kept)
  const before = kept === undefined ? [] : [kept.snapshot.seqNo, ...kept.older]
  const older = before.filter((seqNo) => seqNo < snapshot.seqNo).slice(0, keep - 1)
  const saved = { snapshot, older }
  const value = encodeChecked(bucket, key, saved)
  // First the older one, so that no list ever names a snapshot that is not there.
  if (kept !== undefined && older.includes(kept.snapshot.seqNo)) {
    await bucket.kv.put(olderKey(key, kept.snapshot.seqNo), encodeSnapshot({ ...kept, older: [] }))
  }
  await compareAndSwap(bucket, newestKey(key), value, revision)
  for (const seqNo of kept?.older ?? []) if (!older.includes(seqNo)) await purge(bucket, olderKey(key, seqNo))
  return savedOf(saved)
}

function savedOf({ snapshot, older }: KeptSnapshot): SnapshotSaved {
  return { oldestSeqNo: older.at(-1) ?? snapshot.seqNo }
}

function encodeChecked({ wire }: Bucket, { typeName, id }: EntityKey, saved: KeptSnapshot): Uint8Array {
  const value = encodeSnapshot(saved)
  if (value.byteLength + HEADER_BYTES <= wire.maxPayload) return value
  throw new RefusedError(
    'too-large',
    `the state of ${typeName} ${id} at event ${saved.snapshot.seqNo}, ${saved.snapshot.bytes.byteLength} bytes, is too large: with its headers it must fit the server's max_payload of ${wire.maxPayload}`,
  )
}

/** Asks the stream's leader: a replica's answer may be so old that no swap would ever succeed. */
async function readNewest({ name, manager }: Bucket, key: EntityKey): Promise<Entry> {
  try {
    const last = await manager.streams.getMessage(`KV_${name}`, { last_by_subj: `$KV.${name}.${newestKey(key)}` })
    // A marker has a revision, and nothing to decode.
    return { revision: last.seq, kept: decodeSnapshot(last.data) }
  } catch (error) {
    if (hasApiCode(error, [NO_MESSAGE_FOUND])) return { revision: 0, kept: undefined }
    throw error
  }
}

async function compareAndSwap({ kv }: Bucket, name: string, value: Uint8Array, revision: number): Promise<void> {
  try {
    await kv.put(name, value, { previousSeq: revision })
  } catch (error) {
    if (!hasApiCode(error, CONFLICTS)) throw error
    throw new UnavailableError(`another snapshot was saved under ${name} meanwhile`, { cause: error })
  }
}

function hasApiCode(error: unknown, codes: readonly number[]): boolean {
  const code = error instanceof NatsError ? error.api_error?.err_code : undefined
  return code !== undefined && codes.includes(code)
}
