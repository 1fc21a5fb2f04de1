import { EventSourcedError, messageOf, UnavailableError } from '../errors.js'
import { backOff } from '../entity/back-off.js'
import type { OffsetStore } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'

/** What all processes of a projection are to do. */
export type Order = 'run' | 'pause' | 'stop'

/** What the owner of a slice is asked to do once. */
export type Request = {
  readonly id: string
  readonly slice: number
} & (
  | { readonly kind: 'reset'; readonly position: number }
  /** Go on with a slice that has stopped. */
  | { readonly kind: 'resume' }
  /** Handle the parked events of an entity, in order, up to the first that fails. */
  | { readonly kind: 'retry'; readonly entityId: string }
  /** Forget a parked event of an entity; all of them without a seqNo. */
  | { readonly kind: 'drop'; readonly entityId: string; readonly seqNo?: number }
)

/** What is registered of a projection's version. */
export interface RegisteredVersion {
  readonly version: number
  readonly typeName: string
  readonly order: Order
  /** The members that handle nothing since they have heard that they are to pause. */
  readonly resting?: readonly string[]
  /** Those not yet carried out, the oldest first. */
  readonly requests: readonly Request[]
}

/** What is registered under a projection's name. */
export interface Registry {
  /** The version that answers queries; undefined if none is registered. */
  readonly serving: number | undefined
  readonly versions: readonly RegisteredVersion[]
}

const EMPTY: Registry = { serving: undefined, versions: [] }
const ATTEMPTS = 20
const PAUSE = { start: 2, max: 200 }

/** Reads what is registered under a name; nothing if there is no entry. @throws the store's errors */
export async function readRegistry(
  store: OffsetStore,
  name: string,
): Promise<{ readonly registry: Registry; readonly revision: number }> {
  const entry = await store.entry(name)
  if (entry === undefined) return { registry: EMPTY, revision: 0 }
  return { registry: decode(name, entry.value), revision: entry.revision }
}

/**
 * Changes what is registered under a name, on what stands there at that moment, whoever else changes it meanwhile.
 *
 * @param change returns the same object where nothing is to be changed
 * @throws {UnavailableError} if others were always first; the store's errors
 */
export async function changeRegistry(
  store: OffsetStore,
  name: string,
  change: (registry: Registry) => Registry,
): Promise<Registry> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { registry, revision } = await readRegistry(store, name)
    const changed = change(registry)
    if (changed === registry) return registry
    if (await store.putEntry(name, { value: JSON.stringify(changed), revision })) return changed
    await backOff(PAUSE, attempt)
  }
  throw new UnavailableError(`others have changed the entry of projection ${name} ${ATTEMPTS} times: try again later`)
}

/** The registry with one version changed; the same if there is no such version. */
export function withVersion(
  registry: Registry,
  version: number,
  change: (registered: RegisteredVersion) => RegisteredVersion,
): Registry {
  const found = registry.versions.find((one) => one.version === version)
  const changed = found && change(found)
  if (changed === found) return registry
  const versions = registry.versions.map((one) => (one === found && changed !== undefined ? changed : one))
  return { ...registry, versions }
}

/** What is registered of a version. */
export function versionOf(registry: Registry, { version }: ProjectionKey): RegisteredVersion | undefined {
  return registry.versions.find((one) => one.version === version)
}

function decode(name: string, value: string): Registry {
  try {
    const parsed: unknown = JSON.parse(value)
    if (isRegistry(parsed)) return parsed
    throw new TypeError('it is not what this code writes')
  } catch (cause) {
    throw new EventSourcedError(
      'BINARIZER_FAILED',
      `the entry of projection ${name} can't be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function isRegistry(value: unknown): value is Registry {
  return typeof value === 'object' && value !== null && 'versions' in value && Array.isArray(value.versions)
}
