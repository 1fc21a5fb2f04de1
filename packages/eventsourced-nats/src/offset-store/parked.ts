import { type ParkedEvt, type ParkedOptions, type ProjectionKey, RefusedError } from 'eventsourced'
import { type Bucket, look, read } from '../kv/bucket.js'
import { allParked, type ParkedAt, parkedAt, parkedKey } from './offset-keys.js'
import { decodeParked } from './parked-value.js'
import { inTurn, type Records } from './records.js'

/** How many parked events are in memory at once. */
const PAGE = 64

/** Where parked events are: which keys there are, in order of position, but for those that the records say are out. */
export async function parkedList(
  bucket: Bucket,
  records: Records,
  key: ProjectionKey,
  options: ParkedOptions,
): Promise<readonly Listed[]> {
  const { keys } = await look(bucket, allParked(key, options))
  const found = keys.map(parkedAt).sort((left, right) => left.position - right.position)
  const kept = await records.kept(key, [...new Set(found.map(({ slice }) => slice))])
  const bySlice = new Map(
    kept.map(({ record, unparked }) => [record.slice, { revision: record.revision, out: new Set(unparked) }]),
  )
  return found.map((at) => {
    const record = bySlice.get(at.slice)
    return { at, outUpTo: record?.out.has(at.position) === true ? record.revision : 0 }
  })
}

/** A key of a parked event. */
export interface Listed {
  readonly at: ParkedAt
  /** What stands there with this revision, or an earlier one, is parked no longer. */
  readonly outUpTo: number
}

/** The pages in which a list is to be read. */
export function pagesOf(list: readonly Listed[]): readonly (readonly Listed[])[] {
  return Array.from({ length: Math.ceil(list.length / PAGE) }, (_, page) => list.slice(page * PAGE, (page + 1) * PAGE))
}

/** Reads parked events, but for those that were taken out meanwhile. @throws {UnavailableError | RefusedError} */
export async function readParked(bucket: Bucket, key: ProjectionKey, page: readonly Listed[]): Promise<ParkedEvt[]> {
  const read = await inTurn(page, (listed) => readOne(bucket, key, listed))
  return read.flat()
}

async function readOne(bucket: Bucket, key: ProjectionKey, { at, outUpTo }: Listed): Promise<ParkedEvt[]> {
  const name = parkedKey(key, at)
  const msg = await read(bucket, name)
  if (msg === undefined || msg.seq <= outUpTo || msg.data.byteLength === 0) return []
  const parked = decodeParked(at, msg.data)
  if (parked !== undefined) return [parked]
  throw new RefusedError('bad-input', `the value of ${name} in the bucket ${bucket.name} is not what this code writes`)
}
