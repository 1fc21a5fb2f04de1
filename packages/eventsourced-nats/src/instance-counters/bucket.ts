import { RefusedError, UnavailableError, UncertainError } from 'eventsourced'
import { type Bucket, type Put, trySwap } from '../kv/bucket.js'

/** The bucket of counters. */
export interface CounterBucket extends Bucket {
  /** Whether several servers have it, of which some may be behind. */
  readonly isReplicated: boolean
}

/**
 * Puts a value if the revision is still the expected one, and answers with the new revision; with undefined if another was first.
 *
 * @throws {UncertainError} if it may be stored
 * @throws {UnavailableError | RefusedError} if it is not
 */
export async function compareAndSwap(bucket: Bucket, put: Put, revision: number): Promise<number | undefined> {
  const what = `writing ${put.what} to the bucket ${bucket.name}`
  const outcome = await trySwap(bucket, [put], revision)
  switch (outcome.kind) {
    case 'stored':
      return outcome.lastSeq
    case 'conflict':
      return undefined
    case 'not-stored':
      throw new UnavailableError(`${what}: ${outcome.why}`)
    case 'unknown':
      throw new UncertainError(`${what}: whether it is stored is unknown: ${outcome.why}`)
    case 'refused':
      throw new RefusedError(outcome.error.reason, `${what}: ${outcome.error.message}`, { cause: outcome.error })
  }
}

/** A time to live as the server takes it. */
export function ttlOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000))
}
