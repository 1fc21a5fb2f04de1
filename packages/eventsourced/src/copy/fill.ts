import { FORGOTTEN } from '../entity/forgotten.js'
import { appendIds } from '../log/append-id.js'
import type { EntityKey } from '../log/entity-key.js'
import type { Head, NewEvt, PersistedEvt } from '../log/evt-log.js'
import { CopyDiffersError } from './copy-differs-error.js'
import type { PatientLog } from './patient-log.js'

/**
 * Takes the number of an event that is deleted in the log copied from, and is deleted in turn. As readers by then may have seen it, it is one
 * that they pass over.
 */
const FILLER: NewEvt = { ...FORGOTTEN, metadata: { 'es-filler': 'true' } }
/** So many at a time. */
const FILLERS = 500

/**
 * Moves an entity's head on to just before an event, as all that came before is deleted where it is copied from.
 *
 * @throws {CopyDiffersError} some of that was copied before: the rest would be missing behind it
 */
export async function fill(to: PatientLog, { key, seqNo }: PersistedEvt, head: Head): Promise<Head> {
  if ((await lastOf(to, key, head)) !== undefined) {
    throw new CopyDiffersError(key, head.seqNo + 1, 'it was deleted in the log copied from before it was copied')
  }
  const nextAppendId = appendIds()
  let expected = head
  while (expected.seqNo < seqNo - 1) {
    const count = Math.min(FILLERS, seqNo - 1 - expected.seqNo)
    const groups = Array.from({ length: count }, () => [FILLER])
    expected = (await to.persist({ key, expected, appendId: nextAppendId(), groups })).head
  }
  return clearFillers(to, key, expected)
}

/** Deletes the fillers that an entity ends with, if it does, and answers its head. */
export async function clearFillers(to: PatientLog, key: EntityKey, head: Head): Promise<Head> {
  const last = await lastOf(to, key, head)
  if (last?.metadata['es-filler'] === undefined) return head
  await to.deleteEvts(key, head.seqNo)
  return to.head(key)
}

/** The event at an entity's head; undefined if it is deleted, or never was. */
async function lastOf(to: PatientLog, key: EntityKey, { seqNo }: Head): Promise<PersistedEvt | undefined> {
  if (seqNo === 0) return undefined
  for await (const evt of to.evtsById(key, { from: seqNo, to: seqNo })) return evt
  return undefined
}
