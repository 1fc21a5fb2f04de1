import type { StoredMsg } from '../evt-log/stored-msg.js'
import { look, purge, read } from '../kv/bucket.js'
import type { CounterBucket } from './bucket.js'
import { counterKeysOf } from './entries.js'

/** For how long what is void is kept for the changes that it remembers. */
export const REMEMBERED_MS = 7 * 24 * 3_600_000

/** Removes the keys that clears have left behind, in namespaces that were not cleared again since. */
export async function removeLeftovers(bucket: CounterBucket, now: number): Promise<void> {
  const { keys } = await look(bucket, 'n.*')
  for (const key of keys) await removeLeftoversOf(bucket, key, { cleared: await read(bucket, key), now })
}

/** Removes the keys that were written before a clear of long ago: a later one is of its generation, or void, and stays. */
export async function removeLeftoversOf(
  bucket: CounterBucket,
  namespaceKey: string,
  { cleared, now }: { readonly cleared: StoredMsg | undefined; readonly now: number },
): Promise<void> {
  if (cleared === undefined || cleared.time.getTime() > now - REMEMBERED_MS) return
  await purge(bucket, counterKeysOf(namespaceKey), cleared.seq)
}
