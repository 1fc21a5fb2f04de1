import type { NatsConnection } from 'nats'
import { type Bucket, subjectOf } from './bucket.js'

/**
 * Calls back whenever somebody writes a key, or tries to. It hears the write on its way to the bucket, as any subscriber does: the bucket need not
 * keep anything for it, and what it misses while the connection is down, whoever looks now and then will see.
 */
export function watchKey(
  connection: NatsConnection,
  bucket: Bucket,
  key: string,
  onChange: () => void,
): { readonly stop: () => void } {
  const { logger } = bucket.stream
  const subscription = connection.subscribe(subjectOf(bucket, key), {
    callback: (error) => {
      if (error === null) return onChange()
      logger?.info({ err: error, key }, 'writes can not be heard of: what they change is seen when it is looked at')
    },
  })
  return {
    stop: () => {
      if (!connection.isClosed()) subscription.unsubscribe()
    },
  }
}
