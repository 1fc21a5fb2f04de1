import { asError, codeOf, EventSourcedError, hasCode, messageOf, UnavailableError } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { LogHead, PersistedEvt } from '../log/evt-log.js'
import type { Snapshot } from '../snapshot/snapshot-store.js'
import { applyEvt } from './apply-evt.js'
import { CmdWindow } from './cmd-window.js'
import type { EntityType } from './options.js'
import { isForgotten } from './forgotten.js'
import { openSnapshot } from './snapshot-envelope.js'

/** What an entity knows of itself once all its events are applied. */
export interface Recovered<State> {
  readonly state: State
  readonly head: LogHead
  readonly window: CmdWindow
}

/** A state that stands on one of the entity's events, the one to replay from. */
interface Base<State> {
  readonly state: State
  readonly seqNo: number
  readonly appendId: string
  readonly window: CmdWindow
}

/** A replay met a hole: the event that was due is not there. */
interface Hole {
  readonly due: number
  readonly upTo: number
}

/**
 * Rebuilds an entity, in a turn of its own where only so many may recover at once: its newest readable snapshot and the events after it. The log's head is read after the snapshot was, so
 * that a snapshot ahead of it can only mean that the log lost events.
 *
 * @throws {EventSourcedError} `LOG_LOST_EVENTS`, `REPLAY_OUT_OF_ORDER`, `SNAPSHOT_UNREADABLE`, `EVT_HANDLER_FAILED`, the binarizer's
 * and the log's
 */
export function recover<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, key: EntityKey): Promise<Recovered<State>> {
  return type.recoveries.take(() => type.telemetry.recovery(key, () => recoverTwice(type, key)))
}

/**
 * Rebuilds an entity that was live, and so is known to have stored events up to a head.
 *
 * @throws as {@link recover} does; `LOG_LOST_EVENTS`, too, where the log ends before that head
 */
export async function recoverFrom<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  known: LogHead,
): Promise<Recovered<State>> {
  const recovered = await recover(type, key)
  checkNotBehind(key, known, recovered.head)
  return recovered
}

async function recoverTwice<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<Recovered<State>> {
  const first = await recoverOnce(type, key)
  if ('state' in first) return first
  // Events may have been deleted since the snapshot was read: then a newer snapshot stands for them.
  const second = await recoverOnce(type, key)
  if ('state' in second) return second
  throw new EventSourcedError(
    'REPLAY_OUT_OF_ORDER',
    `event ${second.due} of ${nameOf(key)} is not in the log, which goes up to ${second.upTo}, and no snapshot stands for it`,
  )
}

async function recoverOnce<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<Recovered<State> | Hole> {
  const { base, unreadable } = await loadBase(type, key)
  const head = await headFor(type, key, base.seqNo)
  const replayed = await replay(type, key, base, head)
  if ('state' in replayed) return replayed
  if (unreadable !== undefined) {
    const message = `event ${replayed.due} of ${nameOf(key)} is deleted, and the snapshot that stands for it can't be read: ${unreadable.message}`
    // A store that can't be reached now may have the snapshot later: nothing is lost yet.
    if (hasCode(unreadable, 'UNAVAILABLE')) throw new UnavailableError(message, { cause: unreadable })
    throw new EventSourcedError('SNAPSHOT_UNREADABLE', message, { cause: unreadable })
  }
  return replayed
}

/**
 * An entity's head, which is known to be at `atLeast` or behind. Where it is not, the log is asked how far it reaches: one whose server is cut off from the others says so there, and
 * does not seem to have lost events.
 */
async function headFor<Cmd, Evt, State>(
  { evtLog }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  atLeast: number,
): Promise<LogHead> {
  const head = await evtLog.head(key)
  if (head.seqNo >= atLeast) return head
  await evtLog.headPosition()
  return evtLog.head(key)
}

/**
 * Applies the events that another writer has stored since. Where some of them are deleted already, the entity is rebuilt.
 *
 * @throws as {@link recover} does
 */
export async function catchUp<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  { state, head: { seqNo, appendId }, window }: Recovered<State>,
): Promise<Recovered<State>> {
  const head = await type.evtLog.head(key)
  const replayed = await replay(type, key, { state, seqNo, appendId, window: window.copy() }, head)
  return 'state' in replayed ? replayed : recover(type, key)
}

interface LoadedBase<State> {
  readonly base: Base<State>
  /** Why a snapshot that is there was passed over. */
  readonly unreadable: Error | undefined
}

async function loadBase<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<LoadedBase<State>> {
  let unreadable: Error | undefined
  let maxSeqNo = Number.MAX_SAFE_INTEGER
  while (maxSeqNo > 0) {
    let snapshot: Snapshot | undefined
    try {
      snapshot = await type.snapshotStore.load(key, { maxSeqNo })
      if (snapshot === undefined) break
      return { base: baseOf(type, snapshot), unreadable: undefined }
    } catch (error) {
      type.loggerOf(key)?.warn({ seqNo: snapshot?.seqNo, err: error }, 'a snapshot is passed over')
      if (snapshot === undefined) {
        // Whatever was wrong with newer ones, this one may be there.
        unreadable = asError(error)
        break
      }
      unreadable ??= asError(error)
      maxSeqNo = snapshot.seqNo - 1
    }
  }
  return { base: noEvts(type), unreadable }
}

/** What an entity is without events, or with none that count. */
function noEvts<Cmd, Evt, State>({ domain, cmdWindow }: EntityType<Cmd, Evt, State>): Base<State> {
  return { state: domain.initialState, seqNo: 0, appendId: '', window: new CmdWindow(cmdWindow) }
}

function baseOf<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, snapshot: Snapshot): Base<State> {
  const { binarizer, cmdWindow } = type
  const { seqNo, appendId, version, bytes } = snapshot
  const content = openSnapshot(bytes)
  if (content === undefined) return { ...noEvts(type), seqNo, appendId }
  if (version !== binarizer.stateVersion) {
    const message = `its state has version ${version}, this code's ${binarizer.stateVersion}`
    throw new EventSourcedError('SNAPSHOT_UNREADABLE', message)
  }
  const { state, window } = content
  return { state: binarizer.decodeState(state), seqNo, appendId, window: new CmdWindow(cmdWindow, window) }
}

async function replay<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  base: Base<State>,
  head: LogHead,
): Promise<Recovered<State> | Hole> {
  checkNotBehind(key, base, head)
  let { state, seqNo, window } = base
  if (head.seqNo === seqNo) return { state, head, window }
  let due: number | undefined
  let isFirst = true
  // From the base's own event on, not the one after it: its appendId shows that it is still the same.
  for await (const evt of type.evtLog.evtsById(key, { from: seqNo, to: head.seqNo })) {
    const isBase = isFirst && evt.seqNo === base.seqNo
    isFirst = false
    if (isBase) {
      checkSameAppend(key, base, evt.appendId)
      continue
    }
    if (evt.seqNo <= seqNo || evt.seqNo > head.seqNo) {
      throw new EventSourcedError(
        'REPLAY_OUT_OF_ORDER',
        `the log answered with event ${evt.seqNo} of ${nameOf(key)} where ${seqNo + 1} was due, and ${head.seqNo} is the last`,
      )
    }
    if (isForgotten(evt)) {
      // Whatever came before, and whatever of it is gone, no longer counts.
      due = undefined
      ;({ state, window } = noEvts(type))
    } else {
      if (evt.seqNo > seqNo + 1) due ??= seqNo + 1
      if (due === undefined) {
        state = apply(type, key, state, evt)
        window.addFrom(evt)
      }
    }
    seqNo = evt.seqNo
  }
  if (seqNo < head.seqNo) due ??= seqNo + 1
  return due === undefined ? { state, head, window } : { due, upTo: head.seqNo }
}

function apply<Cmd, Evt, State>(
  { domain, binarizer }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  state: State,
  evt: PersistedEvt,
): State {
  try {
    return applyEvt(domain, state, binarizer.decodeEvt(evt), evt.seqNo)
  } catch (cause) {
    const code = codeOf(cause) ?? 'BINARIZER_FAILED'
    throw new EventSourcedError(code, `event ${evt.seqNo} of ${nameOf(key)} can't be replayed: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Checks that a log still holds all events up to one that is known. */
function checkNotBehind(key: EntityKey, known: { seqNo: number; appendId: string }, head: LogHead): void {
  if (head.seqNo === known.seqNo) checkSameAppend(key, known, head.appendId)
  if (head.seqNo >= known.seqNo) return
  throw new EventSourcedError(
    'LOG_LOST_EVENTS',
    `${nameOf(key)} is known up to event ${known.seqNo}, but its log ends at ${head.seqNo}`,
  )
}

function checkSameAppend(key: EntityKey, base: { seqNo: number; appendId: string }, appendId: string): void {
  if (base.appendId === appendId) return
  throw new EventSourcedError(
    'LOG_LOST_EVENTS',
    `event ${base.seqNo} of ${nameOf(key)} is of append ${appendId}, where ${base.appendId} was known: the log lost events and others took their place`,
  )
}
