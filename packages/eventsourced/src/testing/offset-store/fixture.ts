import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { sliceOf } from '../../log/slice.js'
import type { Move, Offset, OffsetStore, ParkedEvt, ParkedOptions, SliceRecord } from '../../projection/offset-store.js'
import type { ProjectionKey } from '../../projection/projection-key.js'
import { newAppendId } from '../fixture.js'
import { type SuiteCase, suiteCase } from '../suite-case.js'

/** What a case of {@link offsetStoreSuite} runs on. */
export interface OffsetStoreSubject {
  readonly store: OffsetStore
  /** Opens another one, as another process would, over the same data. */
  reopen(): Promise<OffsetStore>
  /** Closes all that was opened. */
  close(): Promise<void>
}

export function offsetStoreCase(
  name: string,
  body: (subject: OffsetStoreSubject) => Promise<void>,
): SuiteCase<OffsetStoreSubject> {
  return suiteCase(name, body)
}

export function newProjection(version = 1): ProjectionKey {
  return { name: `p-${randomUUID()}`, version }
}

export function newOffset(position: number): Offset {
  return { position, appendId: newAppendId(), id: randomUUID(), seqNo: 1 + (position % 7) }
}

/** A record that was claimed. */
export async function claimed(store: OffsetStore, key: ProjectionKey, slice = 0, epoch = 1): Promise<SliceRecord> {
  const claim = await store.claim(key, slice, epoch)
  assert.ok(claim.kind === 'claimed', `slice ${slice} is not claimed under epoch ${epoch}`)
  return claim.record
}

/** A move of a record, which changes what is given. */
export function moveOf(record: SliceRecord, over: Partial<Move> = {}): Move {
  const { slice, revision, offset, failure, done } = record
  return { slice, revision, offset, failure, done, park: [], unpark: [], ...over }
}

/** Moves a record, and answers what it is then. */
export async function moved(
  store: OffsetStore,
  key: ProjectionKey,
  record: SliceRecord,
  over: Partial<Move> = {},
): Promise<SliceRecord> {
  const move = moveOf(record, over)
  const committed = await store.commit(key, [move])
  assert.deepEqual(committed.fenced, [])
  const revision = committed.moved.get(record.slice)
  assert.ok(revision !== undefined && revision !== record.revision, 'a move gives a new revision')
  return { ...record, offset: move.offset, failure: move.failure, done: move.done, revision }
}

export async function assertRecords(
  store: OffsetStore,
  key: ProjectionKey,
  expected: readonly SliceRecord[],
): Promise<void> {
  assert.deepEqual(
    (await store.slices(key)).map((record) => ({ ...record, offset: { ...record.offset } })),
    expected,
  )
}

/** An id of a slice. */
export function idOf(slice: number): string {
  for (;;) {
    const id = randomUUID()
    if (sliceOf(id) === slice) return id
  }
}

export function parkedEvt(position: number, id: string, over: Partial<ParkedEvt> = {}): ParkedEvt {
  return {
    evt: {
      key: { typeName: 'counter', id },
      seqNo: position,
      position,
      appendId: newAppendId(),
      type: 'Größe',
      version: 3,
      bytes: randomBytes(20),
      time: new Date(1_700_000_000_000 + position),
      metadata: { correlation: 'ä"b\n', empty: '' },
    },
    failure: undefined,
    ...over,
  }
}

export async function listParked(
  store: OffsetStore,
  key: ProjectionKey,
  options?: ParkedOptions,
): Promise<readonly ParkedEvt[]> {
  const list: ParkedEvt[] = []
  for await (const { evt, failure } of store.parked(key, options)) {
    list.push({
      evt: { ...evt, key: { ...evt.key }, bytes: Buffer.from(evt.bytes), metadata: { ...evt.metadata } },
      failure,
    })
  }
  if (options === undefined) assert.equal(await store.parkedCount(key), list.length)
  return list
}
