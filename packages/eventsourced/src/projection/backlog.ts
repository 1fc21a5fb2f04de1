import type { EvtLog, EvtsByTypeOptions } from '../log/evt-log.js'
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
  /** Where the looking ended before all was seen; undefined if a slice that is not named has nothing waiting. One that stands at the head never has. */
  readonly seenUpTo: Unhandled | undefined
}

/** What to look at. */
export interface BacklogOptions {
  readonly evtLog: EvtLog
  readonly typeName: string
  readonly records: readonly SliceRecord[]
  /** The log's, which no event that is looked for is behind. */
  readonly head: number
  /** How many events to look at, at most. */
  readonly limit: number
}

/** Looks which event of each slice is the first to be handled. */
export async function readBacklog({ evtLog, typeName, records, head, limit }: BacklogOptions): Promise<Backlog> {
  const offsets = offsetsOf(records)
  const behind = slicesBelow(offsets, head)
  const first = new Map<number, Unhandled>()
  if (behind.length === 0) return { first, seenUpTo: undefined }
  let count = 0
  for await (const evt of evtLog.evtsByType(typeName, { after: Math.min(...offsets), ...only(behind) })) {
    const { key, position, time } = evt
    if (position > head) break
    const slice = sliceOf(key.id)
    if (position > (offsets[slice] ?? 0) && !first.has(slice)) first.set(slice, { position, time })
    count += 1
    if (first.size === behind.length) break
    if (count === limit) return { first, seenUpTo: { position, time } }
  }
  return { first, seenUpTo: undefined }
}

/** Where each slice stands. */
export function offsetsOf(records: readonly SliceRecord[]): readonly number[] {
  const offsets = Array.from({ length: SLICE_COUNT }, () => 0)
  for (const { slice, offset } of records) offsets[slice] = offset.position
  return offsets
}

/** The slices that stand below a position: no others can have anything waiting up to there. */
export function slicesBelow(offsets: readonly number[], position: number): readonly number[] {
  return offsets.flatMap((offset, slice) => (offset < position ? [slice] : []))
}

/** To read slices only: all of them are read without looking at each event's. */
export function only(slices: readonly number[]): Pick<EvtsByTypeOptions, 'slice'> {
  return slices.length === SLICE_COUNT ? {} : { slice: slices }
}
