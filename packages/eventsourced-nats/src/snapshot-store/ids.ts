import type { Bucket } from '../kv/bucket.js'
import { byPackage } from '../wire/by-package.js'
import { orAborted } from '../wire/or-aborted.js'
import { idAt, newestKeys } from './snapshot-keys.js'

/**
 * The ids of a type's entities that have a snapshot. What another client has marked as deleted is none. However many there are, it is over only when none came for the stream's timeout: the
 * package waits for ever for the last key if that is purged meanwhile.
 *
 * @throws {UnavailableError | RefusedError}
 */
export async function ids({ name, stream }: Bucket, typeName: string): Promise<readonly string[]> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('no more keys came')), stream.timeoutMs)
  const list = async () => {
    const kv = await stream.manager.jetstream().views.kv(name, { bindOnly: true })
    const found: string[] = []
    for await (const key of await kv.keys(newestKeys(typeName))) {
      timer.refresh()
      found.push(idAt(key))
    }
    return found
  }
  try {
    return await byPackage(stream.wire, `listing the snapshots of ${typeName}`, () => orAborted(list(), silence.signal))
  } finally {
    clearTimeout(timer)
  }
}
