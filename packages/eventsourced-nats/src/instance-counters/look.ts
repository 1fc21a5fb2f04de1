import { UnavailableError } from 'eventsourced'
import { type CounterInstance, type CounterWorld, type KeyState, NO_KEY } from 'eventsourced/counters'
import { END_OF_BATCH, getBatch, NOT_FOUND } from '../evt-log/read/direct-get.js'
import { persistently } from '../wire/persistently.js'
import { type Bucket, type Entry, read } from './bucket.js'
import { counterKey, decodeInstance, decodeKey, decodeNamespace, instanceKey, namespaceKey } from './entries.js'
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
  bucket: Bucket,
  clocks: Clocks,
  caller: { readonly member: Member; readonly instance: CounterInstance; readonly key: string },
): Promise<Seen> {
  const { namespace, instanceId } = caller.instance
  const [generation, found, cleared] = await Promise.all([
    caller.member.beat(),
    read(bucket, counterKey(namespace, caller.key)),
    read(bucket, namespaceKey(namespace)),
  ])
  const state = decodeKey(found.data) ?? NO_KEY
  const others = [...state.slices.keys()].filter((id) => id !== instanceId)
  const keys = others.map((id) => instanceKey(namespace, id))
  const entries = await (bucket.isReplicated ? readEach(bucket, keys) : readAll(bucket, keys))
  const now = nowOf(clocks)
  const instances = new Map([[instanceId, { generation, isAlive: true }]])
  for (const [index, id] of others.entries()) {
    const entry = entries.get(keys[index] ?? '')
    const decoded = entry && decodeInstance(entry.data)
    if (entry === undefined || decoded === undefined) continue
    const lifetime = lifetimeOf(decoded, entry.time)
    if (lifetime.forgottenFrom <= now) continue
    instances.set(id, { generation: lifetime.generation, isAlive: lifetime.aliveUntil > now })
  }
  const world = { instanceId, generation: decodeNamespace(cleared.data)?.generation ?? 0, instances }
  return { revision: found.revision, state, world }
}

/** Reads from the leader: a replica may be behind. */
async function readEach(bucket: Bucket, keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
  return new Map(await Promise.all(keys.map(async (key) => [key, await read(bucket, key)] as const)))
}

/** Reads all at one moment, where a single server has them. */
async function readAll({ name, stream }: Bucket, keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
  const prefix = `$KV.${name}.`
  const what = `reading instances of the bucket ${name}`
  const entries = new Map<string, Entry>()
  for (let from = 0; from < keys.length; from += MAX_BATCH) {
    const subjects = keys.slice(from, from + MAX_BATCH).map((key) => prefix + key)
    const { msgs } = await persistently(stream, what, undefined, async () => {
      const batch = await getBatch(stream, what, { multi_last: subjects, batch: MAX_BATCH })
      const isWhole = batch.status === NOT_FOUND || (batch.status === END_OF_BATCH && batch.left === 0)
      if (!isWhole) throw new UnavailableError(`${what}: ${batch.words}`)
      return batch
    })
    for (const { subject, seq, data, time } of msgs) {
      entries.set(subject.slice(prefix.length), { revision: seq, data, time: time.getTime() })
    }
  }
  return entries
}
