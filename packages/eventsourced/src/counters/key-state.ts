import { ConflictError } from '../errors.js'
import { appendIdParts } from '../log/append-id.js'
import { isCount } from './check.js'
import { CounterOverflowError } from './counter-overflow-error.js'
import type { CounterChange } from './counter-store.js'
import type { Counts } from './instance-aware-counter.js'

/** What an instance has contributed to a key, and its last change of it. */
export interface Slice {
  /** The instance's generation when it was written. */
  readonly generation: string
  /** The key's epoch when it was written. */
  readonly epoch: number
  readonly count: bigint
  readonly changeId: string
  /** What that change was answered with, for when it is sent again. */
  readonly answer: Counts
}

/** All that is kept of a key. A slice that is void is kept for the change that it remembers. */
export interface KeyState {
  /** The namespace's generation when it was written. */
  readonly generation: number
  readonly epoch: number
  /** By instance id. */
  readonly slices: ReadonlyMap<string, Slice>
}

/** What stands around a key when it is judged. */
export interface CounterWorld {
  /** The caller. It counts as alive. */
  readonly instanceId: string
  /** The namespace's generation. */
  readonly generation: number
  /** The instances that have slices of the key, by id; those that are forgotten are missing. */
  readonly instances: ReadonlyMap<string, { readonly generation: string; readonly isAlive: boolean }>
}

/** A key that nobody has written yet. */
export const NO_KEY: KeyState = { generation: 0, epoch: 0, slices: new Map() }

const NOTHING: Counts = { total: 0n, own: 0n }

/** What a key stands at: for stores that read all of a key at once. @throws {CounterOverflowError} */
export function countsOf(key: string, state: KeyState, world: CounterWorld): Counts {
  if (state.generation !== world.generation) return NOTHING
  const own = ownOf(state, world)
  return fitting(key, { total: othersOf(state, world) + own, own })
}

/** What each living instance has contributed to a key: for stores that read all of a key at once. */
export function slicesOf(state: KeyState, world: CounterWorld): ReadonlyMap<string, bigint> {
  const slices = new Map<string, bigint>()
  if (state.generation !== world.generation) return slices
  for (const [id, slice] of state.slices) if (isCurrent(id, slice, { state, world })) slices.set(id, slice.count)
  return slices
}

/**
 * What becomes of a key by a change, and what the change is answered with: for stores that write all of a key at once. A change that was
 * made before leaves the state as it is, the very same object.
 *
 * @throws {CounterOverflowError}
 * @throws {ConflictError} if a later change of the same writer was made before
 */
export function changed(
  key: string,
  before: KeyState,
  {
    change,
    changeId,
    world,
  }: { readonly change: CounterChange; readonly changeId: string; readonly world: CounterWorld },
): { readonly state: KeyState; readonly counts: Counts } {
  const last = before.slices.get(world.instanceId)
  if (last?.changeId === changeId) return { state: before, counts: last.answer }
  if (last !== undefined && isLater(last.changeId, changeId)) {
    throw new ConflictError(`${world.instanceId} made a later change of the counter ${key}: this one comes too late`)
  }
  const state = current(before, world.generation)
  const own = ownOf(state, world)
  const total = othersOf(state, world) + own
  const { after, epoch, answer } = effect(change, { total, own })
  const counts = fitting(key, answer)
  const slice = {
    generation: world.instances.get(world.instanceId)?.generation ?? '',
    // A slice that is removed belongs to no epoch.
    epoch: change.type === 'del' || change.type === 'delOnInstance' ? -1 : state.epoch + epoch,
    count: after,
    changeId,
    answer: counts,
  }
  const slices = new Map([...state.slices].filter(([instanceId]) => world.instances.has(instanceId)))
  slices.set(world.instanceId, slice)
  return { state: { ...state, epoch: state.epoch + epoch, slices }, counts }
}

/** What a change makes of the caller's slice, by how many epochs it goes on, and what it is answered with. */
function effect(
  change: CounterChange,
  { total, own }: Counts,
): { readonly after: bigint; readonly epoch: 0 | 1; readonly answer: Counts } {
  switch (change.type) {
    case 'add':
      return { after: own + change.count, epoch: 0, answer: { total: total + change.count, own: own + change.count } }
    case 'set':
      return { after: change.count, epoch: 1, answer: { total: change.count, own: change.count } }
    case 'setOnInstance':
      return { after: change.count, epoch: 0, answer: { total: total - own + change.count, own: change.count } }
    case 'del':
      return { after: 0n, epoch: 1, answer: { total, own } }
    case 'delOnInstance':
      return { after: 0n, epoch: 0, answer: { total: total - own, own } }
  }
}

/** A key of an older generation begins anew. Its epoch goes on, so that none is ever used again. */
function current(state: KeyState, generation: number): KeyState {
  return state.generation === generation ? state : { ...state, generation, epoch: state.epoch + 1 }
}

function ownOf(state: KeyState, world: CounterWorld): bigint {
  const slice = state.slices.get(world.instanceId)
  return slice !== undefined && isCurrent(world.instanceId, slice, { state, world }) ? slice.count : 0n
}

function othersOf(state: KeyState, world: CounterWorld): bigint {
  let sum = 0n
  for (const [id, slice] of state.slices) {
    if (id !== world.instanceId && isCurrent(id, slice, { state, world })) sum += slice.count
  }
  return sum
}

function isCurrent(
  id: string,
  slice: Slice,
  { state, world }: { readonly state: KeyState; readonly world: CounterWorld },
): boolean {
  const instance = world.instances.get(id)
  const isAlive = id === world.instanceId || instance?.isAlive === true
  return isAlive && slice.epoch === state.epoch && slice.generation === instance?.generation
}

/** Whether one change of a writer's came after another. Those of two writers have no order. */
function isLater(one: string, other: string): boolean {
  const [of, ofOther] = [appendIdParts(one), appendIdParts(other)]
  return of.prefix === ofOther.prefix && of.count > ofOther.count
}

function fitting(key: string, counts: Counts): Counts {
  for (const value of [counts.total, counts.own]) if (!isCount(value)) throw new CounterOverflowError(key, value)
  return counts
}
