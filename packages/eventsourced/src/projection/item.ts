import { isForgotten } from '../entity/forgotten.js'
import { asError, codeOf, hasCode } from '../errors.js'
import type { EntityKey } from '../log/entity-key.js'
import type { Metadata } from '../domain/event-sourced.js'
import type { PersistedEvt } from '../log/evt-log.js'
import { isReserved } from '../log/reserved.js'
import type { ForgottenEntity, ProjectedEvt } from './delivery.js'
import type { Failure, Move, Offset, ParkedEvt } from './offset-store.js'
import type { SliceState } from './slice-state.js'

/** What is to become of an event. */
export type Fate<Evt> =
  | { readonly kind: 'handle'; readonly evt: Evt }
  /** It is the mark that its entity was forgotten. */
  | { readonly kind: 'forget'; readonly entity: ForgottenEntity }
  /** It is passed over: the library's own, or one that was judged so. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'park'; readonly failure: Failure | undefined }
  /** It can't be decoded, or else can't be handled. */
  | { readonly kind: 'broken'; readonly error: Error; readonly isUndecodable: boolean }

/**
 * An event on its way to the handler. It is an instance, as is its fate, and what the handler gets: V8 comes to make literals in the old generation once many of them
 * have outlived a collection, where those of past batches keep the next ones.
 */
export class Item<Evt> {
  readonly state: SliceState
  readonly stored: PersistedEvt
  fate: Fate<Evt>

  constructor(state: SliceState, stored: PersistedEvt, fate: Fate<Evt>) {
    this.state = state
    this.stored = stored
    this.fate = fate
  }
}

/** The fate of an event that the handler is to have. */
class Handling<Evt> {
  readonly kind = 'handle'
  readonly evt: Evt

  constructor(evt: Evt) {
    this.evt = evt
  }
}

/** An event as the handler gets it. */
export class Projected<Evt> implements ProjectedEvt<Evt> {
  readonly evt: Evt
  readonly key: EntityKey
  readonly seqNo: number
  readonly position: number
  readonly appendId: string
  readonly time: Date
  readonly metadata: Metadata

  constructor({ key, seqNo, position, appendId, time, metadata }: PersistedEvt, evt: Evt) {
    this.evt = evt
    this.key = key
    this.seqNo = seqNo
    this.position = position
    this.appendId = appendId
    // The handler's own: logs share those of events that were stored together.
    this.time = new Date(time)
    this.metadata = metadata
  }
}

/** An event whose entity has parked ones by now is parked behind them. */
export function parkBehind<Evt>(item: Item<Evt>): void {
  const { state, stored, fate } = item
  if (state.parkedIds.has(stored.key.id)) item.fate = behindParked(fate)
}

/** What becomes of an event that is behind no parked one of its entity. */
export function freshFateOf<Evt>(stored: PersistedEvt, decode: (evt: PersistedEvt) => Evt): Fate<Evt> {
  const { key, seqNo, position, time } = stored
  if (isForgotten(stored)) return { kind: 'forget', entity: { key, seqNo, position, time } }
  return isReserved(stored.type) ? { kind: 'pass' } : decoded(stored, decode)
}

/** What becomes of an event behind a parked one of its entity: it is parked, too, unless this code does not know what it is. */
function behindParked<Evt>(fate: Fate<Evt>): Fate<Evt> {
  const isParked = fate.kind === 'handle' || (fate.kind === 'broken' && !isTooNew(fate.error))
  return isParked ? { kind: 'park', failure: undefined } : fate
}

function decoded<Evt>(stored: PersistedEvt, decode: (evt: PersistedEvt) => Evt): Fate<Evt> {
  try {
    return new Handling(decode(stored))
  } catch (error) {
    return { kind: 'broken', error: asError(error), isUndecodable: true }
  }
}

/** Whether an event is newer than this code: no verdict may pass over it, since other code can handle it. */
export function isTooNew(error: Error): boolean {
  return hasCode(error, 'EVT_TOO_NEW') || hasCode(error, 'UNKNOWN_EVT_TYPE')
}

/** Where a slice stands once it has handled an event. */
export function offsetAt({ position, appendId, key, seqNo }: PersistedEvt): Offset {
  return { position, appendId, id: key.id, seqNo }
}

/** How long a message is kept, in characters: a handler's may be of any length, and the store must take it. */
const MAX_MESSAGE = 2_000

export function failureOf(error: Error, attempts: number, stopped: boolean): Failure {
  const code = codeOf(error) ?? error.name
  const message = error.message.length > MAX_MESSAGE ? `${error.message.slice(0, MAX_MESSAGE)}…` : error.message
  return { code, message, at: new Date(), attempts, stopped }
}

/** A slice, and what is to become of its record. */
export interface Stride {
  readonly state: SliceState
  readonly move: Move
}

/** A stride that changes nothing but what is given. */
export function strideOf(state: SliceState, over: Partial<Move> = {}): Stride {
  const { slice, revision, offset, failure, done } = state
  return { state, move: { slice, revision, offset, failure, done, park: [], unpark: [], ...over } }
}

/** How the slices of items stand once all of them are handled. No list is made of a slice's items: V8 would come to make such lists in the old generation, where they keep the items of past batches. */
export function stridesOf<Evt>(items: readonly Item<Evt>[]): readonly Stride[] {
  const lasts = new Map<SliceState, PersistedEvt>()
  const parked = new Map<SliceState, ParkedEvt[]>()
  for (const { state, stored, fate } of items) {
    lasts.set(state, stored)
    if (fate.kind !== 'park') continue
    const ofSlice = parked.get(state) ?? []
    ofSlice.push({ evt: stored, failure: fate.failure })
    parked.set(state, ofSlice)
  }
  return [...lasts].map(([state, last]) =>
    strideOf(state, { offset: offsetAt(last), failure: undefined, park: parked.get(state) ?? [] }),
  )
}
