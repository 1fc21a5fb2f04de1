import { RefusedError } from 'eventsourced'
import type { KeyState, Slice } from 'eventsourced/counters'
import type { StoredMsg } from '../evt-log/stored-msg.js'
import { isJson, type Json, numberAt, parseJson, stringAt } from '../wire/json.js'

/** The version of the contract with others who read the bucket. */
const FORMAT_VERSION = 1

/** What stands of an instance in the bucket. */
export interface InstanceEntry {
  readonly generation: string
  /** For how long it is alive from the time of the entry on, in milliseconds; 0 once it has left. */
  readonly aliveFor: number
  /** For how long after that its slices are kept. */
  readonly rememberedFor: number
  /** The time of the entry where the server's is not the clock. */
  readonly at?: number
}

/** What stands of a namespace that was cleared. */
export interface NamespaceEntry {
  readonly generation: number
  /** The last clears, by who asked for them: whoever asks again voids nothing. */
  readonly clears: readonly (readonly [instanceId: string, changeId: string])[]
}

/** The keys of a bucket, whatever the names are made of. */
export function namespaceKey(namespace: string): string {
  return `n.${encoded(namespace)}`
}

export function instanceKey(namespace: string, instanceId: string): string {
  return `i.${encoded(namespace)}.${encoded(instanceId)}`
}

export function counterKey(namespace: string, key: string): string {
  return `k.${encoded(namespace)}.${encoded(key)}`
}

/** All keys of counters of the namespace that an entry is of. */
export function counterKeysOf(namespaceKey: string): string {
  return `k.${namespaceKey.slice(2)}.*`
}

function encoded(name: string): string {
  return Buffer.from(name).toString('base64url')
}

export function encodeInstance(entry: InstanceEntry): Uint8Array {
  return bytesOf({ format: FORMAT_VERSION, ...entry })
}

export function encodeNamespace(entry: NamespaceEntry): Uint8Array {
  return bytesOf({ format: FORMAT_VERSION, ...entry })
}

/** Counts stand as texts: many readers of JSON know no integers of 64 bits. */
export function encodeKey({ generation, epoch, slices }: KeyState): Uint8Array {
  const encodedSlices = [...slices].map(([instanceId, { count, answer, ...rest }]): [string, object] => {
    const { total, own } = answer
    return [instanceId, { ...rest, count: String(count), total: String(total), own: String(own) }]
  })
  return bytesOf({ format: FORMAT_VERSION, generation, epoch, slices: Object.fromEntries<object>(encodedSlices) })
}

/** What an entry says; undefined if there is none. @throws {RefusedError} if it is none of ours */
export function decodeInstance(msg: StoredMsg | undefined): InstanceEntry | undefined {
  const json = parsed(msg)
  const [generation, aliveFor] = [stringAt(json, 'generation'), numberAt(json, 'aliveFor')]
  const [rememberedFor, at] = [numberAt(json, 'rememberedFor'), numberAt(json, 'at')]
  if (generation === undefined || aliveFor === undefined || rememberedFor === undefined) return undefined
  return { generation, aliveFor, rememberedFor, ...(at === undefined ? {} : { at }) }
}

export function decodeNamespace(msg: StoredMsg | undefined): NamespaceEntry | undefined {
  const json = parsed(msg)
  const generation = numberAt(json, 'generation')
  const clears: unknown = json['clears']
  if (generation === undefined || !Array.isArray(clears)) return undefined
  return { generation, clears: clears.map(([instanceId, changeId]) => [String(instanceId), String(changeId)]) }
}

export function decodeKey(msg: StoredMsg | undefined): KeyState | undefined {
  const json = parsed(msg)
  const [generation, epoch, { slices }] = [numberAt(json, 'generation'), numberAt(json, 'epoch'), json]
  if (generation === undefined || epoch === undefined || !isJson(slices)) return undefined
  const decoded = new Map<string, Slice>()
  for (const [instanceId, slice] of Object.entries(slices)) if (isJson(slice)) decoded.set(instanceId, sliceOf(slice))
  return { generation, epoch, slices: decoded }
}

function sliceOf(json: Json): Slice {
  return {
    generation: stringAt(json, 'generation') ?? '',
    epoch: numberAt(json, 'epoch') ?? -1,
    count: bigintAt(json, 'count'),
    changeId: stringAt(json, 'changeId') ?? '',
    answer: { total: bigintAt(json, 'total'), own: bigintAt(json, 'own') },
  }
}

function bigintAt(json: Json, field: string): bigint {
  return BigInt(stringAt(json, field) ?? 0)
}

function parsed(msg: StoredMsg | undefined): Json {
  if (msg === undefined || msg.data.byteLength === 0) return {}
  const json = parseJson(Buffer.from(msg.data).toString())
  if (json['format'] === FORMAT_VERSION) return json
  // Taken for nothing it would be written over.
  throw new RefusedError('bad-input', `${msg.subject} is no entry of counters, or one of a newer release: deploy that`)
}

function bytesOf(json: object): Uint8Array {
  return Buffer.from(JSON.stringify(json))
}
