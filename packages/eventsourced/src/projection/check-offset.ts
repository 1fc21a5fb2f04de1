import { EventSourcedError } from '../errors.js'
import { entityKey, nameOf } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import type { Offset } from './offset-store.js'

/**
 * Checks that the log still has what an offset stands on. An event that was deleted since proves nothing, its entity's head does.
 *
 * @param offset read before the log's head is
 * @throws {EventSourcedError} `LOG_LOST_EVENTS`; the log's
 */
export async function checkOffset(evtLog: EvtLog, typeName: string, offset: Offset): Promise<void> {
  if (offset.position === 0) return
  await checkHead(evtLog, offset.position)
  if (offset.appendId === '') return
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
  const head = await evtLog.headPosition()
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
