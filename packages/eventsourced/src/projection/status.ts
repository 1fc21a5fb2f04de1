import type { GroupView, Lease } from '../lease/lease-store.js'
import type { EvtLog } from '../log/evt-log.js'
import { SLICE_COUNT } from '../log/slice.js'
import { type Backlog, readBacklog } from './backlog.js'
import type { Failure, OffsetStore, SliceRecord } from './offset-store.js'
import { groupOf, type ProjectionKey } from './projection-key.js'
import { type RegisteredVersion, readRegistry, versionOf } from './registry.js'

/** How far something is behind the log. */
export interface Lag {
  /**
   * From the position handled to the log's head, where events wait to be handled; 0 where none does. Other types' events count, and gaps do. Of a slice
   * whose first event is too far away to be looked for, it is what may be waiting at most.
   */
  readonly positions: number
  /** For how long the oldest event that waits has been waiting; 0 where none does; at most so long where it was not looked for. */
  readonly seconds: number
}

/**
 * `running`: an owner handles its events. `retrying`: it tries one again. `failed`: it has stopped until it is resumed. `waiting`: no process has it, or none that may.
 * `paused` and `stopped`: as was asked, and nothing is handled any more.
 */
export type SliceRunState = 'running' | 'retrying' | 'failed' | 'waiting' | 'paused' | 'stopped'

/** How a slice of a projection stands. */
export interface SliceStatus {
  readonly slice: number
  readonly state: SliceRunState
  readonly position: number
  readonly lag: Lag
  /** Why it does not go on; undefined while it does. */
  readonly lastError: Failure | undefined
  /** The member of the group that has it. */
  readonly owner: string | undefined
  readonly epoch: number
}

/** How a projection stands. `failed`: some of its slices have stopped; `retrying`: some try an event again. */
export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  readonly typeName: string
  /** Whether this version is the one that serves queries. */
  readonly serving: boolean
  readonly state: SliceRunState
  /** Every event at or below it is handled, skipped or parked. */
  readonly position: number
  /** The log's. */
  readonly head: number
  readonly lag: Lag
  /** How many events are parked: its read model lacks them. */
  readonly parked: number
  /** The newest of those of the slices. */
  readonly lastError: Failure | undefined
  /** The processes that take part. */
  readonly members: readonly string[]
  /** Requests not yet carried out. */
  readonly requests: RegisteredVersion['requests']
  readonly slices: readonly SliceStatus[]
}

/** How many events are looked at to find the first of each slice. */
const LOOKED_AT = 2_000
const NO_LAG: Lag = { positions: 0, seconds: 0 }
/** The first of these that a slice is in is the projection's: what was asked of all is so once it is of all. */
const WORST_FIRST: readonly SliceRunState[] = ['failed', 'retrying', 'waiting', 'running', 'paused', 'stopped']

/** How a projection stands; nothing if it is not registered. @throws the store's and the log's errors */
export async function readStatus(
  store: OffsetStore,
  evtLog: EvtLog,
  key: ProjectionKey,
): Promise<ProjectionStatus | undefined> {
  const { registry } = await readRegistry(store, key.name)
  const registered = versionOf(registry, key)
  if (registered === undefined) return undefined
  const { typeName, requests } = registered
  // The offsets before the head: so none of them seems to be ahead of it.
  const records = await store.slices(key)
  const parked = await store.parkedCount(key)
  const view = await store.leases.view(groupOf(key))
  const head = await evtLog.headPosition()
  const backlog = await readBacklog({ evtLog, typeName, records, head, limit: LOOKED_AT })
  const slices = sliceStatuses({ records, view, head, backlog }).map((one) => ordered(one, registered))
  const failures = slices.flatMap(({ lastError }) => lastError ?? [])
  return {
    ...key,
    typeName,
    serving: registry.serving === key.version,
    state: WORST_FIRST.find((state) => slices.some((one) => one.state === state)) ?? 'running',
    position: handledUpTo(slices, head, backlog),
    head,
    lag: slices.map(({ lag }) => lag).reduce(worse, NO_LAG),
    parked,
    lastError: failures.sort((left, right) => right.at.getTime() - left.at.getTime())[0],
    members: view.members,
    requests,
    slices,
  }
}

interface Parts {
  readonly records: readonly SliceRecord[]
  readonly view: GroupView
  readonly head: number
  readonly backlog: Backlog
}

function sliceStatuses({ records, view, head, backlog }: Parts): readonly SliceStatus[] {
  const bySlice = new Map(records.map((record) => [record.slice, record]))
  return Array.from({ length: SLICE_COUNT }, (_, slice) => {
    const record = bySlice.get(slice)
    const lease = view.leases[slice]
    const position = record?.offset.position ?? 0
    return {
      slice,
      state: runStateOf(record, lease),
      position,
      lag: lagOf({ slice, position, head }, backlog),
      lastError: record?.failure,
      owner: lease?.owner,
      epoch: lease?.epoch ?? 0,
    }
  })
}

/** Up to where nothing waits, as far as it was looked at. */
function handledUpTo(slices: readonly SliceStatus[], head: number, { first, seenUpTo }: Backlog): number {
  const waiting = [...first.values()].map(({ position }) => position - 1)
  const lowest = Math.min(...slices.map(({ position }) => position))
  return Math.max(lowest, Math.min(seenUpTo?.position ?? head, ...waiting))
}

function runStateOf(record: SliceRecord | undefined, lease: Lease | undefined): SliceRunState {
  const { failure, epoch = 0 } = record ?? {}
  if (failure?.stopped === true) return 'failed'
  // Whose lease is older than the record can't claim it: the leases that there were are gone.
  if (lease?.owner === undefined || lease.epoch < epoch) return 'waiting'
  return failure === undefined ? 'running' : 'retrying'
}

/** A slice is paused or stopped once its owner has heard of it, and handles nothing of it any more. */
function ordered(slice: SliceStatus, { order, resting = [] }: RegisteredVersion): SliceStatus {
  if (order === 'run') return slice
  const { owner } = slice
  if (order === 'stop') return owner === undefined ? { ...slice, state: 'stopped' } : slice
  return owner === undefined || resting.includes(owner) ? { ...slice, state: 'paused' } : slice
}

function lagOf(
  { slice, position, head }: { readonly slice: number; readonly position: number; readonly head: number },
  { first, seenUpTo }: Backlog,
): Lag {
  const unhandled = first.get(slice)
  // Where not all was looked at, something may wait behind it.
  const since = unhandled ?? seenUpTo
  if (since === undefined || position >= head) return NO_LAG
  const from = Math.max(position, unhandled === undefined ? since.position : 0)
  return { positions: Math.max(0, head - from), seconds: Math.max(0, Date.now() - since.time.getTime()) / 1_000 }
}

function worse(left: Lag, right: Lag): Lag {
  return {
    positions: Math.max(left.positions, right.positions),
    seconds: Math.max(left.seconds, right.seconds),
  }
}
