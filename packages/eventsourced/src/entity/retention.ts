import { InvalidInputError } from '../errors.js'
import type { EntityKey } from '../log/entity-key.js'
import type { EvtLog, PersistedEvt } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { NoopSnapshotStore } from '../snapshot/noop-snapshot-store.js'
import type { SnapshotStore } from '../snapshot/snapshot-store.js'
import { checkFields, checkPart } from './check-fields.js'
import type { EntityType } from './options.js'
import { openSnapshot } from './snapshot-envelope.js'

/** Tells how far a projection has come. */
export interface ProjectionProgress {
  /** The position up to which the projection has handled the events of a type's slice; 0 if none. */
  position(typeName: string, slice: number): Promise<number>
}

/** What is kept of an entity. */
export interface Retention {
  /** How many snapshots; 1 by default. */
  readonly keep?: number
  /**
   * Whether the events that the oldest kept snapshot stands for are deleted after a snapshot; not by default. The event that it stands on is
   * kept: by it a log that lost events is found out. Refused where the snapshots would not outlive the process, as the events do.
   */
  readonly deleteEvts?: boolean
  /** Projections that must have handled an event before it is deleted. Name all that there are. */
  readonly behind?: readonly ProjectionProgress[]
}

/** Checks what is to be kept. @throws {InvalidInputError} if state could be lost */
export function checkedRetention(
  retention: Retention | undefined,
  { evtLog, snapshotStore }: { readonly evtLog: EvtLog; readonly snapshotStore: SnapshotStore },
): Required<Retention> {
  if (retention === undefined) return { keep: 1, deleteEvts: false, behind: [] }
  checkFields('retention', retention, ['keep', 'deleteEvts', 'behind'])
  const { keep = 1, deleteEvts = false, behind = [] } = retention
  for (const [index, projection] of behind.entries()) checkPart(`retention.behind[${index}]`, projection, ['position'])
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new InvalidInputError('retention.keep', keep, 'a whole number, 1 or more')
  }
  if (deleteEvts && snapshotStore instanceof NoopSnapshotStore) {
    throw new InvalidInputError('retention.deleteEvts', deleteEvts, 'a snapshotStore to stand for the deleted events')
  }
  if (deleteEvts && snapshotStore.durable === false && evtLog.durable !== false) {
    throw new InvalidInputError('retention.deleteEvts', deleteEvts, 'a snapshotStore that lasts as long as the evtLog')
  }
  return { keep, deleteEvts, behind }
}

/** Deletes the events before the oldest snapshot that is kept, as far as all projections named are past them, if that snapshot can be read. */
export async function deleteOldEvts<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  oldestSeqNo: number,
): Promise<void> {
  const { retention, evtLog, snapshotStore, binarizer, loggerOf } = type
  const toSeqNo = oldestSeqNo - 1
  if (!retention.deleteEvts || toSeqNo < 1) return
  const oldest = await snapshotStore.load(key, { maxSeqNo: oldestSeqNo })
  if (oldest?.seqNo !== oldestSeqNo || oldest.version !== binarizer.stateVersion) {
    loggerOf(key)?.warn({ oldestSeqNo }, 'events are kept: their snapshot is not of this version, or gone')
    return
  }
  const content = openSnapshot(oldest.bytes)
  if (content !== undefined) binarizer.decodeState(content.state)
  const handled = await handledByAll(type, key, toSeqNo)
  if (handled < toSeqNo) loggerOf(key)?.debug({ toSeqNo, handled }, 'events are kept: a projection has not come so far')
  if (handled > 0) await evtLog.deleteEvts(key, handled)
}

/**
 * The last event up to a seqNo that is still there and that all projections named are past; 0 if there is none. Positions grow with seqNos, and what is
 * deleted is so from the first on: halving finds it with a few reads of one event, and with the first one where no projection is behind.
 */
async function handledByAll<Cmd, Evt, State>(
  { retention, evtLog }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  toSeqNo: number,
): Promise<number> {
  const slice = sliceOf(key.id)
  const positions = await Promise.all(retention.behind.map((projection) => projection.position(key.typeName, slice)))
  const slowest = Math.min(...positions)
  let handled = 0
  let [below, above] = [0, toSeqNo + 1]
  for (let seqNo = toSeqNo; below < seqNo; seqNo = Math.floor((below + above) / 2)) {
    const evt = await firstOf(evtLog.evtsById(key, { from: seqNo, to: seqNo }))
    if (evt !== undefined && evt.position > slowest) {
      above = seqNo
    } else {
      below = seqNo
      handled = evt?.seqNo ?? handled
    }
  }
  return handled
}

async function firstOf(evts: AsyncIterable<PersistedEvt>): Promise<PersistedEvt | undefined> {
  for await (const evt of evts) return evt
  return undefined
}
