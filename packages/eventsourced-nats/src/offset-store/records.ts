import {
  type Claimed,
  type Move,
  type ParkedEvt,
  type ProjectionKey,
  RefusedError,
  type SliceRecord,
  UnavailableError,
} from 'eventsourced'
import { type Bucket, look, type Put, purge, read, swap } from '../kv/bucket.js'
import { backOff } from '../wire/back-off.js'
import { allParked, parkedAt, parkedKey, sliceKey } from './offset-keys.js'
import { encodeParked } from './parked-value.js'
import { beginning, decodeSlice, encodeSlice, type Kept } from './slice-value.js'

/** How many keys are asked for, or purged, at once. */
const AT_ONCE = 16
/** How often a record is claimed anew when others change it at the same time. */
const ATTEMPTS = 20

/**
 * The records of slices in the bucket. A record's revision is its key's, so that each move is a compare-and-swap. What it parks goes along with it in one
 * atomic batch; what it takes out is named in the record, and purged afterwards, at the latest with the next move or claim.
 */
export class Records {
  readonly #bucket: Bucket
  /** As this process has written them last. Whether they still are so, the swap tells. */
  readonly #written = new Map<string, Kept>()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  /** @throws {UnavailableError | RefusedError} */
  async claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await this.#read(key, slice)
      const { record } = stored.kept ?? beginning(slice)
      if (record.epoch > epoch) return { kind: 'fenced' }
      if (stored.kept !== undefined) await this.#tidy(key, stored.kept)
      // What is still there was left by a removal that was cut off.
      else await purge(this.#bucket, allParked(key, { slice }))
      const written = await this.#write(key, { record: { ...record, epoch }, unparked: [] }, stored.revision)
      if (written === undefined) {
        await backOff(Math.min(attempt, 3))
        continue
      }
      // Now that nothing else comes any more.
      const { keys } = await look(this.#bucket, allParked(key, { slice }), written.revision)
      return { kind: 'claimed', record: written, parkedIds: [...new Set(keys.map((parked) => parkedAt(parked).id))] }
    }
    throw new UnavailableError(`claiming slice ${slice} of ${key.name}: others were first ${ATTEMPTS} times`)
  }

  /**
   * Moves a slice. Sent once: a second try of one whose answer was lost would find itself fenced off.
   *
   * @returns the new revision; undefined if it is fenced off
   * @throws {UnavailableError | RefusedError}
   */
  async move(key: ProjectionKey, move: Move): Promise<number | undefined> {
    const { slice, revision, offset, failure, done, park } = move
    const before = await this.#asOf(key, slice, revision)
    if (before === undefined) return undefined
    await this.#tidy(key, before)
    const parked = new Map(park.map((one) => [one.evt.position, one]))
    const unparked = move.unpark.filter((position) => !parked.has(position))
    const kept = { record: { ...before.record, offset, failure, done }, unparked }
    const puts = [...parked.values()].map((one) => putOf(key, slice, one))
    const written = await this.#write(key, kept, revision, puts)
    if (written === undefined) return undefined
    // If this fails it is done with the next move; until then the record says that they are out.
    await this.#tidy(key, { record: written, unparked }).catch((error: unknown) => {
      this.#bucket.stream.logger?.warn({ err: error, slice }, 'what is no longer parked could not be purged yet')
    })
    return written.revision
  }

  /** All that is kept of slices, those that are there. @throws {UnavailableError | RefusedError} */
  async kept(key: ProjectionKey, slices: readonly number[]): Promise<readonly Kept[]> {
    const all = await Promise.all(slices.map((slice) => this.#read(key, slice)))
    return all.flatMap(({ kept }) => kept ?? [])
  }

  /** The record as it was when it had that revision; undefined if it has another one by now. */
  async #asOf(key: ProjectionKey, slice: number, revision: number): Promise<Kept | undefined> {
    const written = this.#written.get(sliceKey(key, slice))
    if (written?.record.revision === revision) return written
    const { kept } = await this.#read(key, slice)
    return kept?.record.revision === revision ? kept : undefined
  }

  async #read(
    key: ProjectionKey,
    slice: number,
  ): Promise<{ readonly revision: number; readonly kept: Kept | undefined }> {
    const name = sliceKey(key, slice)
    const msg = await read(this.#bucket, name)
    // What somebody has deleted is a marker with no data.
    if (msg === undefined || msg.data.byteLength === 0) return { revision: msg?.seq ?? 0, kept: undefined }
    const kept = decodeSlice(slice, msg.seq, msg.data)
    if (kept !== undefined) return { revision: msg.seq, kept }
    const told = `the value of ${name} in the bucket ${this.#bucket.name} is not what this code writes`
    throw new RefusedError('bad-input', `${told}: deploy the code that wrote it, or put the last one there again`)
  }

  async #write(
    key: ProjectionKey,
    kept: Kept,
    revision: number,
    along: readonly Put[] = [],
  ): Promise<SliceRecord | undefined> {
    const name = sliceKey(key, kept.record.slice)
    const put = { key: name, data: encodeSlice(kept), what: `the record of slice ${kept.record.slice} of ${key.name}` }
    this.#written.delete(name)
    const now = await swap(this.#bucket, put, revision, along)
    if (now === undefined) return undefined
    const record = { ...kept.record, revision: now }
    this.#written.set(name, { ...kept, record })
    return record
  }

  /** Purges what a record says is parked no longer. What was parked anew since is left. */
  async #tidy(key: ProjectionKey, { record, unparked }: Kept): Promise<void> {
    if (unparked.length === 0) return
    const { slice, revision } = record
    await inTurn(unparked, (position) => purge(this.#bucket, allParked(key, { slice, position }), revision))
    const name = sliceKey(key, slice)
    if (this.#written.get(name)?.record.revision === revision) {
      this.#written.set(name, { record, unparked: [] })
    }
  }
}

/** Does something for each, some at once. @returns the results in order */
export async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let next = 0; next < items.length; next += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(next, next + AT_ONCE).map(work))))
  }
  return results
}

function putOf(key: ProjectionKey, slice: number, parked: ParkedEvt): Put {
  const { key: entity, seqNo, position } = parked.evt
  return {
    key: parkedKey(key, { slice, position, id: entity.id }),
    data: encodeParked(parked),
    what: `event ${seqNo} of ${entity.typeName} ${entity.id}, which is to be parked`,
  }
}
