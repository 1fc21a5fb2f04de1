import { InvalidInputError } from 'eventsourced'
import { DiscardPolicy, type JetStreamManager, NatsError, StorageType, type StreamConfig } from 'nats'
import { failureOf } from '../errors/failure.js'
import { isJson } from '../wire/json.js'
import type { CheckedCounterStoreConfig } from './config.js'

/** A stream's configuration, with what the package's types don't know yet. */
type BucketConfig = Partial<StreamConfig> & { readonly allow_msg_ttl: boolean }

const STREAM_NOT_FOUND = 10059
const NAME_IN_USE = 10058

/**
 * Finds the bucket, or creates it if it is missing and `setup` says so: any KV client's bucket with a history of 1, but entries may bear a time to
 * live, so that the server itself removes what is forgotten. Answers whether several servers store it.
 *
 * @throws {InvalidInputError} if it is missing, or is another kind of stream
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function openBucket(manager: JetStreamManager, config: CheckedCounterStoreConfig): Promise<boolean> {
  const { bucket } = config
  const found = await find(manager, bucket)
  if (found === undefined && !config.setup) {
    throw new InvalidInputError('bucket', bucket, 'a bucket that exists, or `setup: true` to have it created')
  }
  const settings = found ?? (await create(manager, config))
  const isOurs = isJson(settings) && settings['allow_msg_ttl'] === true && settings['max_msgs_per_subject'] === 1
  if (isOurs) return settings.num_replicas > 1
  throw new InvalidInputError('bucket', bucket, 'a bucket with a history of 1 whose entries may have a time to live')
}

async function find(manager: JetStreamManager, bucket: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(`KV_${bucket}`)).config
  } catch (error) {
    if (hasCode(error, STREAM_NOT_FOUND)) return undefined
    throw failureOf(`looking for the bucket ${bucket}`, error)
  }
}

async function create(
  manager: JetStreamManager,
  { bucket, replicas }: CheckedCounterStoreConfig,
): Promise<StreamConfig | undefined> {
  const settings: BucketConfig = {
    name: `KV_${bucket}`,
    description: 'eventsourced: counters by instance',
    subjects: [`$KV.${bucket}.>`],
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    deny_delete: true,
    allow_rollup_hdrs: true,
    allow_direct: true,
    allow_msg_ttl: true,
  }
  try {
    return (await manager.streams.add(settings)).config
  } catch (error) {
    if (hasCode(error, NAME_IN_USE)) return find(manager, bucket)
    throw failureOf(`creating the bucket ${bucket}`, error)
  }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code
}
