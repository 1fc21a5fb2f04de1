import type { Metadata } from '../domain/event-sourced.js'
import type { EntityKey } from './entity-key.js'
import type { Paged } from './paged.js'

/** Where an entity's last event stands; zeros if it has none. The fence of every append. */
export interface Head {
  /** The last event's number among the entity's events. */
  readonly seqNo: number
  /** The last event's place among all events of the log. */
  readonly position: number
}

/** A head read from the log, with the appendId of its event; an empty one if there is none. Survives deletion of events. */
export interface LogHead extends Head {
  readonly appendId: string
}

/** An event to be stored. */
export interface NewEvt {
  /** The event's type, 1 to 255 characters without control characters. */
  readonly type: string
  /** The version of its type's schema, 1 or more. */
  readonly version: number
  readonly bytes: Uint8Array
  readonly metadata: Metadata
}

/** What one writer asks a log to store for one entity. */
export interface Append {
  readonly key: EntityKey
  /** The entity's head as the writer knows it. Any other one in the log is a conflict. */
  readonly expected: Head
  /** From {@link appendIds}: new for each different content, the same when the same is sent again. */
  readonly appendId: string
  /** The events, a group a command: a group is stored whole or not at all. Neither the list nor a group is empty. */
  readonly groups: readonly (readonly NewEvt[])[]
}

/** What a log has stored of an append: a prefix of its groups, at least one of them. */
export interface Persisted {
  /** How many groups are stored. The rest may be sent with the new head, as a new append. */
  readonly groups: number
  /** The entity's head after them. */
  readonly head: Head
  /** The position of each stored event, in order. */
  readonly positions: readonly number[]
}

/** An event as a log gives it back. */
export interface PersistedEvt {
  readonly key: EntityKey
  /** 1, 2, 3 …, without gaps, for each entity. At most `Number.MAX_SAFE_INTEGER`. */
  readonly seqNo: number
  /** Grows strictly in the order in which events become visible; gaps are fine. At most `Number.MAX_SAFE_INTEGER`. */
  readonly position: number
  readonly appendId: string
  readonly type: string
  readonly version: number
  readonly bytes: Uint8Array
  /** When the log stored it, by the log's clock. Not to be changed: events that were stored together may share it. */
  readonly time: Date
  readonly metadata: Metadata
}

/** How to read one entity's events. */
export interface EvtsByIdOptions {
  /** The first seqNo, inclusive; 1 by default. */
  readonly from?: number
  /** The last seqNo, inclusive; all by default. A range that is empty or inverted gives nothing. */
  readonly to?: number
  /** Whether to wait for more once all are read. Off by default. With `to`, ends after it. */
  readonly live?: boolean
  /** Ends the read at once: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal
}

/** How to read the events of a type. */
export interface EvtsByTypeOptions {
  /** The position to start behind, exclusive; 0, the beginning, by default. */
  readonly after?: number
  /** Whether to wait for more once all are read. Off by default. */
  readonly live?: boolean
  /** Which of the slices 0 to 63 to read; all by default. An empty list gives nothing. */
  readonly slice?: readonly number[]
  /** Ends the read at once: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal
}

/** What the caller knows of a log whose head it asks for. */
export interface HeadPositionOptions {
  /**
   * A position that the log has reached, as the caller knows; 0 by default. Where an answer may be older than that without anything being lost, as on a cluster whose leader changes, the log
   * asks again for as long as it waits for anything, and only then answers with less.
   */
  readonly atLeast?: number
}

/** How to iterate the entities of a type. */
export interface IdsOptions {
  /** Ends the iteration at once: it throws the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Stores events as bytes and gives them back. What a backend must keep to is written down as tests: `evtLogSuite` of
 * `eventsourced/testing`.
 *
 * A failure is one of four, since each calls for something else: {@link ConflictError}, {@link RefusedError},
 * {@link UnavailableError}, {@link UncertainError}. Reads know the second and third only.
 */
export interface EvtLog {
  /** Whether what is stored outlives the process; so it is taken to, unless this is `false`. */
  readonly durable?: boolean
  /**
   * Stores a prefix of the append's groups, each whole, if the entity's head is the expected one. The same append sent again is
   * stored once and answered alike; so a log that lost an answer finds out by itself, within its time.
   */
  persist(append: Append): Promise<Persisted>
  /** The entity's head: never older than what was acknowledged to anyone before the call. */
  head(key: EntityKey): Promise<LogHead>
  /** The position of the newest event of the log; 0 if there is none. */
  headPosition(options?: HeadPositionOptions): Promise<number>
  /** The events of one entity in order of seqNo. What it answers is to be iterated once. */
  evtsById(key: EntityKey, options?: EvtsByIdOptions): Paged<PersistedEvt>
  /** The events of all entities of a type in order of position, to be iterated once. Whoever has seen position p never later meets one at or below p. */
  evtsByType(typeName: string, options?: EvtsByTypeOptions): Paged<PersistedEvt>
  /**
   * The ids of a type's entities that have events, each once, in an order of the log's own, however many they are. One whose events are
   * all deleted is left out, one that was forgotten is there by its mark; one that gets its first event, or loses its last, meanwhile may be there or not.
   */
  ids(typeName: string, options?: IdsOptions): AsyncIterable<string>
  /**
   * Deletes the entity's events up to a seqNo, inclusive; past its end means all. The newest leaves a tombstone, which readers
   * skip, so that the head survives and appends go on from it.
   */
  deleteEvts(key: EntityKey, toSeqNo: number): Promise<void>
  /** Ends live reads, finishes what was accepted, refuses what comes later. Idempotent. */
  close(): Promise<void>
}
