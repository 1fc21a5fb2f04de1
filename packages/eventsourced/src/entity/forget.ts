import type { EntityKey } from '../log/entity-key.js'
import type { EntityType } from './options.js'

/**
 * Deletes what is known of an entity that is not live. The snapshots go first: one that outlived its events would bring
 * the entity back.
 */
export async function forget<Cmd, Evt, State>(
  { snapshotStore, evtLog }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<void> {
  await snapshotStore.delete(key)
  const { seqNo } = await evtLog.head(key)
  if (seqNo > 0) await evtLog.deleteEvts(key, seqNo)
}
