import type { NatsConnection } from 'nats'
import type { CheckedBucketConfig } from '../config/bucket-config.js'
import { connected, type NatsConnectionConfig } from '../config/connection-config.js'
import { checkJetStream } from '../config/jetstream.js'
import { checkServerVersion } from '../config/server-version.js'
import { openWire } from '../wire/wire.js'
import type { Bucket } from './bucket.js'
import { type BucketPurpose, openBucket } from './open-bucket.js'

/** A bucket, and the connection over which it is used. */
export interface ConnectedBucket {
  readonly bucket: Bucket
  /** On how many servers it is stored. */
  readonly replicas: number
  readonly connection: NatsConnection
  /** Lets go of both; a connection handed in stays open. */
  close(): Promise<void>
}

/**
 * Opens a bucket on a connection handed in, or on one of its own, and checks the server and the bucket.
 *
 * @throws {InvalidInputError} naming the setting that is wrong
 * @throws {UnavailableError} if the server can't be reached
 * @throws {RefusedError} with the reason `forbidden` if the server does not let us
 */
export async function connectBucket(
  config: NatsConnectionConfig,
  checked: CheckedBucketConfig,
  purpose: BucketPurpose,
): Promise<ConnectedBucket> {
  const { bucket: name, replyTimeout, timeout: timeoutMs, inboxPrefix, logger } = checked
  const { connection, isOwn } = await connected(config, inboxPrefix)
  try {
    checkServerVersion(connection)
    const manager = await checkJetStream(connection, replyTimeout)
    const { num_replicas: replicas, max_msg_size: maxMsgSize } = await openBucket(manager, checked, purpose)
    const wire = openWire(connection, { maxMsgSize, replyTimeoutMs: replyTimeout, inboxPrefix, logger })
    const stream = { name: `KV_${name}`, manager, wire, timeoutMs, logger }
    const close = async () => {
      wire.close()
      if (isOwn) await connection.close()
    }
    return { bucket: { name, stream }, replicas, connection, close }
  } catch (error) {
    if (isOwn) await connection.close()
    throw error
  }
}
