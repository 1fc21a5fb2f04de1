import type { Metadata } from '../domain/event-sourced.js'
import type { EntityKey } from '../log/entity-key.js'
import type { Committed, Move, OffsetStore } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'

/** An event as handlers get it: decoded, in today's form. An instance, so a strict comparison with a literal fails. */
export interface ProjectedEvt<Evt> {
  readonly evt: Evt
  readonly key: EntityKey
  readonly seqNo: number
  readonly position: number
  readonly appendId: string
  /** When the log stored it, by the log's clock. */
  readonly time: Date
  readonly metadata: Metadata
}

/** An entity that was forgotten, as handlers hear of it in its place among the entity's events. */
export interface ForgottenEntity {
  readonly key: EntityKey
  /** Of the mark that stands in the log for what was forgotten. */
  readonly seqNo: number
  readonly position: number
  /** When the log stored the mark, by the log's clock. */
  readonly time: Date
}

/** What a handler is told besides. */
export interface HandlerContext {
  /** Fires when nobody waits for the handler any longer: its time is over, or its slice is another process's. */
  readonly signal: AbortSignal
}

/** How large the batches are that are delivered. */
export interface BatchBounds {
  /** How many events at most; 500 by default. */
  readonly maxEvts?: number
  /** How long to wait for more before a batch that isn't full is delivered, in milliseconds; 0 by default: what is there goes at once. */
  readonly maxWaitMs?: number
}

/**
 * Events in the order of the log, and how far their slices have come once they are handled. Made by the runtime; what it is made of fits together.
 */
export interface Batch<Evt> {
  readonly projection: ProjectionKey
  /** May be empty, where slices only move. More is read once a handler has begun, by `each`, `whole` or `forget`; else once the batch is delivered. */
  readonly evts: readonly ProjectedEvt<Evt>[]
  /**
   * How far the slices have come. To be asked once the events are handled: `each` may leave some for later, and then they say so; who asks before is to handle
   * all of them.
   */
  readonly moves: () => readonly Move[]
  /** Fires when nobody waits for the delivery any longer. */
  readonly signal: AbortSignal
  /**
   * Calls a handler for one event after another, each with a bound of time and in the event's trace. It ends early when that takes long, or the slices are
   * to rest or to be handed over; unless `moves` were asked for before, all events are handled then.
   *
   * @throws {HandlerError} at the first that fails
   */
  each(handle: (evt: ProjectedEvt<Evt>, context: HandlerContext) => unknown): Promise<void>
  /** Calls a handler for all at once, unless there are none. @throws {HandlerError} */
  whole(handle: (evts: readonly ProjectedEvt<Evt>[], context: HandlerContext) => unknown): Promise<void>
  /** Calls a handler for the entity that was forgotten, where that is what the batch is about: it has no events then. @throws {HandlerError} */
  forget(handle: (entity: ForgottenEntity, context: HandlerContext) => unknown): Promise<void>
}

/**
 * The way in which events come to a handler and offsets to a store: what `atLeastOnce` and `exactlyOnce` make. It is a backend's to
 * implement where handling and moving are to be one transaction.
 */
export interface Delivery<Evt> {
  /** Whether a delivery that fails leaves nothing of what its handler did. */
  readonly rollsBack: boolean
  readonly bounds: BatchBounds
  /** Opens the store where the offsets are; called once by each start. */
  open(): Promise<OffsetStore>
  /**
   * Handles the events of the batch, then moves the slices. With `rollsBack` both or nothing: where a slice is fenced off, nothing is moved.
   * Handlers that were given up may go on: what they do after the signal must come to nothing.
   *
   * @throws {HandlerError} by `each` or `whole`, passed on as it is; anything else is taken for the store's failure, and the slices are claimed anew
   */
  deliver(batch: Batch<Evt>): Promise<Committed>
  /** Closes what `open` has opened, never what was handed in; called once for each time that it was opened. */
  close(): Promise<void>
}
