import { InvalidInputError } from 'eventsourced'
import { type JetStreamManager, type KV, type NatsConnection, NatsError, StorageType } from 'nats'
import type { CheckedBucketConfig } from '../config/bucket-config.js'
import { failureOf } from '../errors/failure.js'

const STREAM_NOT_FOUND = 10059

/**
 * Finds the bucket, or creates it if it is missing and `setup` says so.
 *
 * @throws {InvalidInputError} if it is missing
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function openBucket(
  connection: NatsConnection,
  manager: JetStreamManager,
  { bucket, setup, replicas, replyTimeout }: CheckedBucketConfig,
): Promise<KV> {
  if (!setup && !(await exists(manager, bucket))) {
    throw new InvalidInputError('bucket', bucket, 'a bucket that exists, or `setup: true` to have it created')
  }
  try {
    const views = connection.jetstream({ timeout: replyTimeout }).views
    return await views.kv(bucket, {
      description: 'eventsourced: snapshots',
      history: 1,
      replicas,
      storage: StorageType.File,
    })
  } catch (error) {
    throw failureOf(`opening the bucket ${bucket}`, error)
  }
}

async function exists(manager: JetStreamManager, bucket: string): Promise<boolean> {
  try {
    await manager.streams.info(`KV_${bucket}`)
    return true
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === STREAM_NOT_FOUND) return false
    throw failureOf(`looking for the bucket ${bucket}`, error)
  }
}
