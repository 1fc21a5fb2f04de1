import type { ProjectionProgress } from '../entity/retention.js'
import { hasCode, type RefusedError } from '../errors.js'
import type { LeaseStore } from '../lease/lease-store.js'
import type { PersistedEvt } from '../log/evt-log.js'
import type { ProjectionKey } from './projection-key.js'

/**
 * How far a slice has come: every event of the slice at or below the position was handled, skipped or parked. It names the event that it
 * stands on, so that a log that lost events is found out; that may be one of another slice, where this one had none for long.
 */
export interface Offset {
  /** 0 at the beginning. */
  readonly position: number
  /** The appendId of the event; empty at the beginning, and where the offset was set by hand. */
  readonly appendId: string
  /** The entity and the seqNo of the event; empty and 0 where there is no appendId. */
  readonly id: string
  readonly seqNo: number
}

/** Why a slice does not go on, or an event was parked. */
export interface Failure {
  /** An {@link ErrorCode} where the error had one, else its name. */
  readonly code: string
  readonly message: string
  readonly at: Date
  /** How often it was tried. */
  readonly attempts: number
  /** Whether the slice has stopped until it is resumed or claimed anew; otherwise it tries again by itself. */
  readonly stopped: boolean
}

/** All that is kept of a slice. */
export interface SliceRecord {
  readonly slice: number
  /** Of the lease under which it was claimed last. */
  readonly epoch: number
  /** Changes with each claim and each commit, and never comes again: the fence of each commit. */
  readonly revision: number
  readonly offset: Offset
  readonly failure: Failure | undefined
  /** The id of the request that was carried out last. */
  readonly done: string | undefined
}

/** An event that could not be handled, or one behind such an event of the same entity. */
export interface ParkedEvt {
  /** As the log gave it, so that it can be handled later whatever became of the log. */
  readonly evt: PersistedEvt
  /** What went wrong; undefined for an event that was never tried since one before it is parked. */
  readonly failure: Failure | undefined
}

/** What is to become of a slice's record, all of it in one write. */
export interface Move {
  readonly slice: number
  /** The record's revision as the owner knows it. Any other one fences the move off. */
  readonly revision: number
  readonly offset: Offset
  readonly failure: Failure | undefined
  readonly done: string | undefined
  /** Events to park. One that is parked already (by its position) is replaced. */
  readonly park: readonly ParkedEvt[]
  /** The positions of parked events that are parked no longer; those of none are passed over. */
  readonly unpark: readonly number[]
}

/** What became of moves. A slice that is in neither was left as it was. */
export interface Committed {
  /** The new revision of each slice that was moved. */
  readonly moved: ReadonlyMap<number, number>
  /** The slices that another claim has taken over, or that were removed. */
  readonly fenced: readonly number[]
}

/** A slice once it is claimed. */
export type Claimed =
  | {
      readonly kind: 'claimed'
      readonly record: SliceRecord
      /** The ids of all entities of the slice that have parked events. */
      readonly parkedIds: readonly string[]
    }
  /** A later epoch has claimed it before. */
  | { readonly kind: 'fenced' }

/** A named value, encoded. */
export interface Entry {
  readonly value: string
  /** Changes with each write; 0 for an entry that must not exist yet. */
  readonly revision: number
}

/** Which parked events to read. */
export interface ParkedOptions {
  /** All slices by default. */
  readonly slice?: number
  /** All entities by default. */
  readonly id?: string
}

/**
 * Keeps how far projections have come, what they have parked, and what is asked of them. What a backend must keep to is written
 * down as tests: `offsetStoreSuite` of `eventsourced/testing`. As retention's progress it answers with the lowest offset of all registered
 * projections of the type, see {@link lowestPosition}.
 *
 * Only one process at a time moves a slice: each claim changes the record's revision, by which each commit is fenced. A failure is
 * a {@link RefusedError} or an {@link UnavailableError}; one that is `too-large` or `bad-input` is found by trying less at once, and stops its slice. Whether a write that failed is stored, a new claim under the same epoch tells, since
 * it fences off whatever is still on its way.
 */
export interface OffsetStore extends ProjectionProgress {
  /** Where the processes of a projection share its slices. */
  readonly leases: LeaseStore
  /** Makes the slice the claimant's, if no later epoch has claimed it: an equal one may again. The record is made if there is none. */
  claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed>
  /** Moves slices, each of them whole or not at all. */
  commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed>
  /** The records that there are, in order of slice; all slices by default. Never older than what was committed before the call. */
  slices(key: ProjectionKey, only?: readonly number[]): Promise<readonly SliceRecord[]>
  /** Parked events in order of position. */
  parked(key: ProjectionKey, options?: ParkedOptions): AsyncIterable<ParkedEvt>
  /** How many events are parked. */
  parkedCount(key: ProjectionKey): Promise<number>
  /** Deletes all records and parked events of a projection's version. */
  remove(key: ProjectionKey): Promise<void>
  /** The names of all entries. */
  names(): Promise<readonly string[]>
  /** Reads an entry; never an older one than was written before the call. */
  entry(name: string): Promise<Entry | undefined>
  /** Writes an entry if it still has the revision given. Resolves with false, nothing written, if it has not. */
  putEntry(name: string, entry: Entry): Promise<boolean>
  /** Calls back, soon after, when an entry was written; where it is missing, entries are looked at every so often. */
  watch?(name: string, onChange: () => void): { readonly stop: () => void }
  /** Finishes what was accepted and refuses what comes later. Idempotent. */
  close(): Promise<void>
}

/** Whether a store refused what it was given, whoever gives it again; and not since it is closed, full, or not ours to write to. */
export function isUnstorable(error: unknown): error is RefusedError {
  return (
    hasCode(error, 'REFUSED') && 'reason' in error && (error.reason === 'too-large' || error.reason === 'bad-input')
  )
}
