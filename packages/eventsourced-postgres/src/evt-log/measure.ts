import { type Append, type NewEvt, RefusedError } from 'eventsourced'
import type { BatchLimits } from './waiting.js'

/** The most that the events of one group, one command's, may weigh together: 64 MiB. PostgreSQL bounds a message to 1 GiB. */
export const MAX_GROUP_BYTES = 64 * 1_048_576
/** What an event weighs besides its payload and metadata, about. */
const EVT_OVERHEAD = 200

/** How much of an append goes into the database at once. */
export interface Measure {
  readonly groups: number
  readonly evtCount: number
  readonly bytes: number
  /** What all of it weighs, for as long as it is not answered. */
  readonly heldBytes: number
}

/**
 * Weighs an append, and cuts it off at the group that would pass the limits of a batch. Its first group goes in any case.
 *
 * @throws {RefusedError} `too-large`, if the first group is larger than may be stored
 */
export function measure({ groups }: Append, limits: BatchLimits): Measure {
  let bytes = 0
  let evtCount = 0
  for (const [index, group] of groups.entries()) {
    const groupBytes = weightOf(group)
    const fits = bytes + groupBytes <= limits.maxBytes && evtCount + group.length <= limits.maxEvts
    if (index > 0 && !fits) {
      const heldBytes = groups.slice(index).reduce((sum, later) => sum + weightOf(later), bytes)
      return { groups: index, evtCount, bytes, heldBytes }
    }
    if (groupBytes > MAX_GROUP_BYTES) {
      throw new RefusedError(
        'too-large',
        `events of ${groupBytes} bytes for one command: at most ${MAX_GROUP_BYTES} fit`,
      )
    }
    bytes += groupBytes
    evtCount += group.length
  }
  return { groups: groups.length, evtCount, bytes, heldBytes: bytes }
}

function weightOf(group: readonly NewEvt[]): number {
  let bytes = 0
  for (const evt of group) bytes += weight(evt)
  return bytes
}

function weight({ bytes, metadata }: NewEvt): number {
  let weight = bytes.byteLength + EVT_OVERHEAD
  for (const name in metadata) weight += 2 * (name.length + (metadata[name]?.length ?? 0))
  return weight
}
