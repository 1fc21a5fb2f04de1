import { EventSourcedError } from '../errors.js'
import { entityKey, nameOf } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import type { Offset } from './offset-store.js'

/**
 * Looks whether the log still has the event that an offset stands on. It is given time to reach it, but not where the event `wasLost` when it was looked for before.
 *
 * @throws {EventSourcedError} `LOG_LOST_EVENTS`; the log's
 */
export type CheckOffset = (offset: Offset, wasLost?: boolean) => Promise<void>

/**
 * Checks offsets that were read before: the log's head once for all that are below it, and each event once, since many slices may stand on the same. A log that was given time, and
 * ends before one of them all the same, is not waited for again.
 */
export function checkingOffsets(evtLog: EvtLog, typeName: string): CheckOffset {
  const checks = new Map<string, Promise<void>>()
  let head = 0
  let isEnd = false
  return async (offset, wasLost = false) => {
    if (offset.position > head && !isEnd) {
      const atLeast = wasLost ? 0 : offset.position
      head = Math.max(head, await evtLog.headPosition({ atLeast }))
      isEnd = head < atLeast
    }
    checkReaches(head, offset.position)
    if (offset.appendId === '') return
    const name = `${offset.position} ${offset.appendId}`
    const check = checks.get(name) ?? checkEvt(evtLog, typeName, offset)
    checks.set(name, check)
    await check
  }
}

/** An event that was deleted since proves nothing, its entity's head does. */
async function checkEvt(evtLog: EvtLog, typeName: string, offset: Offset): Promise<void> {
  const key = entityKey(typeName, offset.id)
  const head = await evtLog.head(key)
  if (head.seqNo < offset.seqNo) {
    throw lost(`event ${offset.seqNo} of ${nameOf(key)} was handled, but its log ends at ${head.seqNo}`)
  }
  if (head.seqNo === offset.seqNo) return checkSame(offset, nameOf(key), head)
  for await (const evt of evtLog.evtsById(key, { from: offset.seqNo, to: offset.seqNo })) {
    checkSame(offset, nameOf(key), evt)
  }
}

/** Checks that the log reaches as far as its events were handled. @throws {EventSourcedError} `LOG_LOST_EVENTS`; the log's */
export async function checkHead(evtLog: EvtLog, position: number): Promise<void> {
  checkReaches(await evtLog.headPosition({ atLeast: position }), position)
}

function checkReaches(head: number, position: number): void {
  if (head < position) throw lost(`events up to position ${position} were handled, but the log ends at ${head}`)
}

function checkSame(
  { appendId, position, seqNo }: Offset,
  name: string,
  found: { readonly appendId: string; readonly position: number },
): void {
  if (found.appendId === appendId && found.position === position) return
  throw lost(
    `event ${seqNo} of ${name} is of append ${found.appendId} at ${found.position}, where ${appendId} at ${position} was handled: others took its place`,
  )
}

function lost(message: string): EventSourcedError {
  return new EventSourcedError('LOG_LOST_EVENTS', `${message}. Restore the log, or reset the projection.`)
}
