import { ConflictError, type Persisted, UncertainError } from 'eventsourced'
import type { ClientBase } from 'pg'
import { query } from '../database/statement.js'
import type { EvtLogStatements } from './statements.js'
import { Stored } from './stored.js'
import type { Waiting } from './waiting.js'

/**
 * Tells an append that conflicts whether another's event is in its way, or its own: it was sent before, and stored. Answers with nothing
 * if nothing is in its way.
 *
 * @throws {ConflictError} the head is another writer's
 * @throws {UncertainError} it was sent before, and what stood there is deleted since
 */
export async function resolveConflict(
  client: ClientBase,
  { storedOfAppend }: EvtLogStatements,
  waiting: Waiting,
): Promise<Persisted | undefined> {
  const { key, expected, appendId, groups } = waiting.append
  const evtCount = groups.reduce((sum, group) => sum + group.length, 0)
  const rows = await query(client, storedOfAppend, [key.typeName, key.id, expected.seqNo, evtCount])
  const found = rows.map(([seqNo, position, by]) => ({ seqNo: Number(seqNo), position: Number(position), by }))
  const own = found.filter((evt) => evt.by === appendId)
  if (own[0]?.seqNo === expected.seqNo + 1) return asPersisted(own, groups)
  const head = found.at(-1)
  if ((head?.seqNo ?? 0) === expected.seqNo && (head?.position ?? 0) === expected.position) return undefined
  const entity = `${key.typeName} ${key.id}`
  const isDeleted = head !== undefined && head.seqNo > expected.seqNo && found[0]?.seqNo !== expected.seqNo + 1
  if (isDeleted && (waiting.maybeStored || own.length > 0)) {
    throw new UncertainError(
      `${entity}: the events behind seqNo ${expected.seqNo} are deleted, be they of this append or not`,
    )
  }
  throw new ConflictError(
    head === undefined
      ? `${entity}: there are no events, where seqNo ${expected.seqNo} was expected`
      : `${entity}: the last event is seqNo ${head.seqNo} at position ${head.position}, where seqNo ${expected.seqNo} at position ${expected.position} was expected`,
  )
}

/** Counts what is stored: another release may have stored fewer groups of it than this one would. */
function asPersisted(
  own: readonly { readonly seqNo: number; readonly position: number }[],
  groups: Waiting['append']['groups'],
): Persisted {
  let stored = 0
  let evtCount = 0
  for (const group of groups) {
    if (evtCount + group.length > own.length) break
    evtCount += group.length
    stored++
  }
  const positions = own.slice(0, evtCount).map((evt) => evt.position)
  return new Stored(stored, own[evtCount - 1]?.seqNo ?? 0, positions)
}
