import type { EntityKey } from 'eventsourced'
import type { JetStreamManager, KV } from 'nats'
import type { Trying } from '../wire/persistently.js'

/** The bucket, and what it takes to use it. */
export interface Bucket extends Trying {
  readonly name: string
  readonly kv: KV
  readonly manager: JetStreamManager
}

/** The key of an entity's newest snapshot. */
export function newestKey({ typeName, id }: EntityKey): string {
  return `${typeName}.${id}`
}

/** The key of an older snapshot of an entity. */
export function olderKey(key: EntityKey, seqNo: number): string {
  return `${newestKey(key)}.${seqNo}`
}

/**
 * Removes a key, or keys by a pattern, as if they had never been. (A deletion through the package leaves a marker for each, for ever.)
 */
export async function purge({ name, manager }: Bucket, key: string): Promise<void> {
  await manager.streams.purge(`KV_${name}`, { filter: `$KV.${name}.${key}` })
}
