import type { Bucket } from '../kv/bucket.js'
import { orAborted } from '../wire/or-aborted.js'
import { idAt, newestKeys } from './snapshot-keys.js'

/** The ids of a type's entities that have a snapshot. What another client has marked as deleted is none. @throws what the package throws */
export async function ids({ name, stream }: Bucket, typeName: string): Promise<readonly string[]> {
  const kv = await stream.manager.jetstream().views.kv(name, { bindOnly: true })
  const list = async () => {
    const found: string[] = []
    for await (const key of await kv.keys(newestKeys(typeName))) found.push(idAt(key))
    return found
  }
  // The package waits for ever for the last key if that is purged meanwhile.
  return orAborted(list(), AbortSignal.timeout(stream.timeoutMs))
}
