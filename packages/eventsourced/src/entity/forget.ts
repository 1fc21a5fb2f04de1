import { CheckedAppend } from '../log/checked-append.js'
import type { EntityKey } from '../log/entity-key.js'
import { type BackOff, backOff } from './back-off.js'
import { FORGOTTEN } from './forgotten.js'
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
 * again.
 *
 * @throws {EventSourcedError} `CONFLICT` if another writer was first too often; the log's and the snapshot store's
 */
export async function forget<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, key: EntityKey): Promise<void> {
  const { evtLog, snapshotStore, binarizer } = type
  const mark = await markForgotten(type, key)
  await snapshotStore.delete(key)
  if (mark === undefined) return
  // An older snapshot never replaces it: one whose save is still under way somewhere doesn't come back.
  await snapshotStore.save(key, { ...mark, version: binarizer.stateVersion, bytes: sealForgotten() })
  await evtLog.deleteEvts(key, mark.seqNo - 1)
}

/** Stores the mark behind all that others store meanwhile. An entity without events has nothing to be forgotten. */
async function markForgotten<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<Mark | undefined> {
  for (let conflicts = 0; ; conflicts++) {
    const head = await type.evtLog.head(key)
    if (head.seqNo === 0) return undefined
    const stored = await persist(type, new CheckedAppend(key, head, type.nextAppendId(), [[FORGOTTEN]]))
    if (stored.kind === 'stored') return { seqNo: stored.persisted.head.seqNo, appendId: stored.appendId }
    if (stored.kind !== 'conflict' || conflicts === type.conflictAttempts) throw stored.error
    await backOff(CONFLICT, conflicts)
  }
}
