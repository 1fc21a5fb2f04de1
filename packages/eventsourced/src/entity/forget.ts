import { CheckedAppend } from '../log/checked-append.js'
import type { EntityKey } from '../log/entity-key.js'
import { type BackOff, backOff } from './back-off.js'
import { FORGOTTEN } from './forgotten.js'
import type { Snapshot } from '../snapshot/snapshot-store.js'
import type { EntityType } from './options.js'
import { persist } from './persist.js'
import { sealForgotten } from './snapshot-envelope.js'

const CONFLICT: BackOff = { start: 1, max: 200 }

/** Where the mark stands by which an entity is forgotten. */
interface Mark {
  readonly seqNo: number
  readonly appendId: string
}

/**
 * Deletes what is known of an entity. It is forgotten once the mark is stored; what comes after is cleaning up, and any of it may be done
 * again, also when the entity has gone on elsewhere since.
 *
 * @throws {EventSourcedError} `CONFLICT` if another writer was first too often; the log's and the snapshot store's
 */
export async function forget<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, key: EntityKey): Promise<void> {
  const mark = await markForgotten(type, key)
  await deleteLostSnapshots(type, key)
  if (mark === undefined) return
  await forgetSnapshots(type, key, mark)
  await type.evtLog.deleteEvts(key, mark.seqNo - 1)
}

/** Deletes snapshots of events that the log has lost: nothing else does away with them. */
async function deleteLostSnapshots<Cmd, Evt, State>(
  { evtLog, snapshotStore }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<void> {
  const newest = await snapshotStore.load(key)
  // Read after the snapshot: one ahead of it is none of an entity that has gone on.
  const head = await evtLog.head(key)
  if (newest !== undefined && newest.seqNo > head.seqNo) await snapshotStore.delete(key)
}

/**
 * Has a mark take the place of all older snapshots. An older one never replaces it: one whose save is still under way somewhere doesn't
 * come back. A newer one, of the entity that has gone on elsewhere, stays: the events that it stands for may be deleted already.
 */
async function forgetSnapshots<Cmd, Evt, State>(
  { snapshotStore, binarizer }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  mark: Mark,
): Promise<void> {
  let newest: Snapshot | undefined = { ...mark, version: binarizer.stateVersion, bytes: sealForgotten() }
  while (newest !== undefined) {
    await snapshotStore.save(key, newest, { keep: 1 })
    const older = await snapshotStore.load(key, { maxSeqNo: mark.seqNo - 1 })
    newest = older && (await snapshotStore.load(key))
  }
}

/** Stores the mark behind all that others store meanwhile. An entity without events has nothing to be forgotten. */
async function markForgotten<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<Mark | undefined> {
  for (let conflicts = 0; ; conflicts++) {
    const head = await type.evtLog.head(key)
    if (head.seqNo === 0) return undefined
    const stored = await persist(type, new CheckedAppend(key, head, type.writer, [[FORGOTTEN]]))
    if (stored.kind === 'stored') return { seqNo: stored.persisted.head.seqNo, appendId: stored.appendId }
    if (stored.kind !== 'conflict' || conflicts === type.conflictAttempts) throw stored.error
    await backOff(CONFLICT, conflicts)
  }
}
