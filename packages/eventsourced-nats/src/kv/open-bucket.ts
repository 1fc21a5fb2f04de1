import { InvalidInputError } from 'eventsourced'
import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig } from 'nats'
import type { CheckedBucketConfig } from '../config/bucket-config.js'
import { findOrCreate, type StreamSettings } from '../config/find-or-create.js'
import { checkRules, is, isAbsent, listensTo, LOSSLESS, type Rule } from '../config/setting-rules.js'

/** What a bucket is for. */
export interface BucketPurpose {
  readonly description: string
  /** Whether entries are removed by the clock of the server. */
  readonly expires: boolean
  /** Whether several entries are written as one; by default they are. */
  readonly batches?: boolean
}

/** What a bucket must be like so that it loses nothing, and so that we can work with it. */
const ALWAYS: readonly Rule[] = [
  ...LOSSLESS,
  { field: 'max_msgs_per_subject', isKept: is(1), expected: '1: a key has one value' },
  { field: 'deny_purge', isKept: isAbsent, expected: 'false: what is deleted, or needed no longer, is purged' },
]
const WHERE_IT_BATCHES: readonly Rule[] = [
  { field: 'allow_atomic', isKept: is(true), expected: 'true: what belongs together is stored as one' },
]
const WHERE_IT_EXPIRES: readonly Rule[] = [
  {
    field: 'allow_msg_ttl',
    isKept: is(true),
    expected: 'true: entries of what is gone expire by the clock of the server',
  },
  {
    field: 'subject_delete_marker_ttl',
    isKept: (ttl) => isAbsent(ttl) || ttl === 0,
    expected: '0: an entry that has expired must be gone, and not be marked',
  },
]

/** The settings of a bucket, as `setup` creates it. */
export function bucketSettings(
  { bucket, replicas }: CheckedBucketConfig,
  { description, expires, batches = true }: BucketPurpose,
): StreamSettings {
  return {
    name: `KV_${bucket}`,
    description,
    subjects: [`$KV.${bucket}.>`],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // As any client's buckets are.
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
    ...(batches && { allow_atomic: true }),
    ...(expires && { allow_msg_ttl: true }),
  }
}

/**
 * Finds the bucket, or creates it if it is missing and `setup` says so, and checks it: any KV client's bucket with a history of 1, of which several
 * entries may be written as one, and may bear a time to live, if they are to.
 *
 * @returns its settings
 * @throws {InvalidInputError} if it is missing, or its settings lose what is in it
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function openBucket(
  manager: JetStreamManager,
  config: CheckedBucketConfig,
  purpose: BucketPurpose,
): Promise<StreamConfig> {
  const { bucket, setup } = config
  const info = await findOrCreate(manager, bucketSettings(config, purpose), setup)
  if (info === undefined) {
    throw new InvalidInputError('bucket', bucket, 'a bucket that exists, or `setup: true` to have it created')
  }
  checkRules('bucket', { ...info.config }, [
    ...ALWAYS,
    ...(purpose.batches === false ? [] : WHERE_IT_BATCHES),
    ...(purpose.expires ? WHERE_IT_EXPIRES : []),
    listensTo(`$KV.${bucket}.>`),
  ])
  return info.config
}
