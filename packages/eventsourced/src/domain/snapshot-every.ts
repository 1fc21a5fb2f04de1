import { InvalidInputError } from '../errors.js'

/**
 * Snapshots each time `evtCount` more events are stored.
 *
 * @param evtCount a whole number, 1 or more
 * @throws {InvalidInputError} for anything else
 * @example
 * snapshot: snapshotEvery(1_000)
 */
export function snapshotEvery(evtCount: number): (state: unknown, seqNo: number) => boolean {
  if (!Number.isSafeInteger(evtCount) || evtCount < 1) {
    throw new InvalidInputError('evtCount', evtCount, 'a whole number, 1 or more')
  }
  return (_state, seqNo) => seqNo % evtCount === 0
}
