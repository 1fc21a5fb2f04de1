import { UnavailableError } from 'eventsourced'
import { type CounterInstance, type CounterWorld, type KeyState, NO_KEY } from 'eventsourced/counters'
import { END_OF_BATCH, getBatch, NOT_FOUND } from '../evt-log/read/direct-get.js'
import { persistently } from '../wire/persistently.js'
import { read } from '../kv/bucket.js'
import type { StoredMsg } from '../evt-log/stored-msg.js'
import type { CounterBucket } from './bucket.js'
import { counterKey, decodeKey, decodeNamespace, instanceKey, namespaceKey } from './entries.js'
import { type Clocks, lifetimeOf, type Member, nowOf } from './member.js'

/** A key as it was read, and what it is to be judged by. */
export interface Seen {
  readonly revision: number
  readonly state: KeyState
  readonly world: CounterWorld
}

/** How many entries are asked for at once. The server allows 1,024. */
const MAX_BATCH = 500

/**
 * Reads a key and all that it is judged by, and sees to the caller's heartbeat meanwhile. The others' entries are read after the key's: whoever has
 * changed it is seen as it was then, or later.
 */
export async function look(
  bucket: CounterBucket,
  clocks: Clocks,
  caller: { readonly member: Member; readonly instance: CounterInstance; readonly key: string },
): Promise<Seen> {
  const { namespace, instanceId } = caller.instance
  const [generation, found, cleared] = await Promise.all([
    caller.member.beat(),
    read(bucket, counterKey(namespace, caller.key)),
    read(bucket, namespaceKey(namespace)),
  ])
  const state = decodeKey(found) ?? NO_KEY
  const others = [...state.slices.keys()].filter((id) => id !== instanceId)
  const keys = others.map((id) => instanceKey(namespace, id))
  const entries = await (bucket.isReplicated ? readEach(bucket, keys) : readAll(bucket, keys))
  const now = nowOf(clocks)
  const instances = new Map([[instanceId, { generation, isAlive: true }]])
  for (const [index, id] of others.entries()) {
    const entry = entries.get(keys[index] ?? '')
    const lifetime = entry && lifetimeOf(entry)
    if (lifetime === undefined || lifetime.forgottenFrom <= now) continue
    instances.set(id, { generation: lifetime.generation, isAlive: lifetime.aliveUntil > now })
  }
  const world = { instanceId, generation: decodeNamespace(cleared)?.generation ?? 0, instances }
  return { revision: found?.seq ?? 0, state, world }
}

/** Reads from the leader: a replica may be behind. */
async function readEach(bucket: CounterBucket, keys: readonly string[]): Promise<ReadonlyMap<string, StoredMsg>> {
  const entries = new Map<string, StoredMsg>()
  const readOne = async (key: string): Promise<void> => {
    const msg = await read(bucket, key)
    if (msg !== undefined) entries.set(key, msg)
  }
  await Promise.all(keys.map(readOne))
  return entries
}

/** Reads all at one moment, where a single server has them. */
async function readAll(
  { name, stream }: CounterBucket,
  keys: readonly string[],
): Promise<ReadonlyMap<string, StoredMsg>> {
  const prefix = `$KV.${name}.`
  const what = `reading instances of the bucket ${name}`
  const entries = new Map<string, StoredMsg>()
  for (let from = 0; from < keys.length; from += MAX_BATCH) {
    const subjects = keys.slice(from, from + MAX_BATCH).map((key) => prefix + key)
    const { msgs } = await persistently(stream, what, undefined, async () => {
      const batch = await getBatch(stream, what, { multi_last: subjects, batch: MAX_BATCH })
      const isWhole = batch.status === NOT_FOUND || (batch.status === END_OF_BATCH && batch.left === 0)
      if (!isWhole) throw new UnavailableError(`${what}: ${batch.words}`)
      return batch
    })
    for (const msg of msgs) entries.set(msg.subject.slice(prefix.length), msg)
  }
  return entries
}
