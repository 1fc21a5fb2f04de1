import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { EntityKey } from '../../log/entity-key.js'
import type { Snapshot, SnapshotStore } from '../../snapshot/snapshot-store.js'
import { comparableBytes, newAppendId } from '../fixture.js'
import { type SuiteCase, suiteCase } from '../suite-case.js'

/** A snapshot store under test, and the world around it. */
export interface SnapshotStoreSubject {
  readonly store: SnapshotStore
  /**
   * Another store over the same kept snapshots, as another process or the next one would open it: while `store` is open, and after it
   * is closed.
   */
  reopen(): Promise<SnapshotStore>
  /** Closes `store` and all that were opened since, and lets go of everything that was needed for them. */
  close(): Promise<void>
}

export function snapshotStoreCase(
  name: string,
  body: (subject: SnapshotStoreSubject) => Promise<void>,
): SuiteCase<SnapshotStoreSubject> {
  return suiteCase(name, body)
}

export function newSnapshot(seqNo: number, over: Partial<Snapshot> = {}): Snapshot {
  return { seqNo, appendId: newAppendId(), version: 1, bytes: randomBytes(16), ...over }
}

/** Saves snapshots one after another, the first at seqNo 1 and so on or where told; answers them. */
export async function saveAll(
  store: SnapshotStore,
  key: EntityKey,
  seqNos: readonly number[],
  keep = 1,
): Promise<Snapshot[]> {
  const saved = seqNos.map((seqNo) => newSnapshot(seqNo))
  for (const snapshot of saved) await store.save(key, snapshot, { keep })
  return saved
}

export function assertSnapshot(actual: Snapshot | undefined, expected: Snapshot | undefined): void {
  if (actual !== undefined) assert.ok(actual.bytes instanceof Uint8Array, 'bytes are a Uint8Array')
  assert.deepEqual(actual && comparable(actual), expected && comparable(expected))
}

function comparable({ seqNo, appendId, version, bytes }: Snapshot): unknown {
  return { seqNo, appendId, version, bytes: comparableBytes(bytes) }
}

/** That these are the snapshots kept, whichever `maxSeqNo` is asked for. */
export async function assertKept(store: SnapshotStore, key: EntityKey, kept: readonly Snapshot[]): Promise<void> {
  const newestFirst = [...kept].sort((left, right) => right.seqNo - left.seqNo)
  assertSnapshot(await store.load(key), newestFirst[0])
  const edges = newestFirst.flatMap(({ seqNo }) => [seqNo - 1, seqNo, seqNo + 1])
  for (const maxSeqNo of [0, ...edges, Number.MAX_SAFE_INTEGER]) {
    const expected = newestFirst.find(({ seqNo }) => seqNo <= maxSeqNo)
    assertSnapshot(await store.load(key, { maxSeqNo }), expected)
  }
}
