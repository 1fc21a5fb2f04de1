import type { EvtLog } from '../log/evt-log.js'
import { SLICE_COUNT, sliceOf } from '../log/slice.js'
import type { SliceRecord } from './offset-store.js'

/** An event that waits to be handled. */
export interface Unhandled {
  readonly position: number
  readonly time: Date
}

/** What waits to be handled, as far as it was looked at. */
export interface Backlog {
  /** The first event of each slice that waits. */
  readonly first: ReadonlyMap<number, Unhandled>
  /** Where the looking ended before all was seen; undefined if a slice that is not named has nothing waiting. */
  readonly seenUpTo: Unhandled | undefined
}

/** What to look at. */
export interface BacklogOptions {
  readonly evtLog: EvtLog
  readonly typeName: string
  readonly records: readonly SliceRecord[]
  /** How many events to look at, at most. */
  readonly limit: number
}

/** Looks which event of each slice is the first to be handled. */
export async function readBacklog({ evtLog, typeName, records, limit }: BacklogOptions): Promise<Backlog> {
  const offsets = Array.from({ length: SLICE_COUNT }, () => 0)
  for (const { slice, offset } of records) offsets[slice] = offset.position
  const first = new Map<number, Unhandled>()
  let count = 0
  for await (const { key, position, time } of evtLog.evtsByType(typeName, { after: Math.min(...offsets) })) {
    const slice = sliceOf(key.id)
    if (position > (offsets[slice] ?? 0) && !first.has(slice)) first.set(slice, { position, time })
    count += 1
    if (first.size === SLICE_COUNT) break
    if (count === limit) return { first, seenUpTo: { position, time } }
  }
  return { first, seenUpTo: undefined }
}
