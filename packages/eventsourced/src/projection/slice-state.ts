import type { PersistedEvt } from '../log/evt-log.js'
import type { Claimed, Failure, Move, Offset } from './offset-store.js'

/**
 * Where a slice stands on its way: `unclaimed`: its record must be claimed before anything else, at first and whenever it is in doubt. `unread`: it is claimed,
 * and the reader doesn't read it yet. `reading`: events come. `stopped`: it waits for somebody to resume it. `gone`: it is another's.
 */
export type Phase = 'unclaimed' | 'unread' | 'reading' | 'stopped' | 'gone'

/** What this process knows of a slice that it holds. */
export class SliceState {
  readonly slice: number
  readonly epoch: number
  phase: Phase = 'unclaimed'
  /** When it may be claimed, by `performance.now`. */
  claimAt = 0
  revision = 0
  offset: Offset = { position: 0, appendId: '', id: '', seqNo: 0 }
  failure: Failure | undefined
  done: string | undefined
  /** Entities with parked events: those that come are parked, too. */
  parkedIds = new Set<string>()
  /** The position up to which events were taken from the reader: they are handled, or in the backlog. */
  seen = 0
  /** Events that wait since one before them is to be tried again. */
  backlog: PersistedEvt[] = []
  /** Whether events were passed over that the backlog had no room for: they must be read again. */
  hasOverflown = false
  /** How often the event that goes next was tried in a row. */
  attempts = 0
  /** What keeps its events from being handled though none of them is to blame, and how often in a row it has. */
  trouble: { readonly error: Error; readonly times: number } | undefined
  /** When the first event of the backlog is to be tried again; undefined if nothing holds the slice back. */
  retryAt: number | undefined

  constructor(slice: number, epoch: number) {
    this.slice = slice
    this.epoch = epoch
  }

  /** Whether its events may be delivered. */
  get isOpen(): boolean {
    return this.phase === 'reading' && this.retryAt === undefined
  }

  /** Whether everything up to the last event taken from the reader is handled. */
  get isUpToDate(): boolean {
    return this.isOpen && this.backlog.length === 0 && !this.hasOverflown
  }

  /** Takes over what the store knows. */
  claimed({ record, parkedIds }: Claimed & { readonly kind: 'claimed' }): void {
    const { revision, offset, failure, done } = record
    this.revision = revision
    this.offset = offset
    this.failure = failure
    this.done = done
    this.parkedIds = new Set(parkedIds)
    this.reread()
  }

  /** The store has moved it. */
  moved({ offset, failure, done }: Move, revision: number): void {
    this.revision = revision
    this.offset = offset
    this.failure = failure
    this.done = done
    this.seen = Math.max(this.seen, offset.position)
    if (failure !== undefined) return
    this.attempts = 0
    this.trouble = undefined
  }

  /** Its events could not be handled, though none of them is to blame; it must be claimed anew. */
  troubled(error: Error): void {
    this.trouble = { error, times: (this.trouble?.times ?? 0) + 1 }
    this.unclaim()
  }

  /** What is known of it is in doubt, or not worth keeping. It may be claimed anew from then on, by `performance.now`. */
  unclaim(claimAt = 0): void {
    if (this.phase === 'gone') return
    this.phase = 'unclaimed'
    this.claimAt = claimAt
    this.#drain()
  }

  /** Reads on from its offset. */
  reread(): void {
    if (this.phase === 'gone') return
    this.phase = 'unread'
    this.seen = this.offset.position
    this.#drain()
  }

  stop(): void {
    if (this.phase !== 'gone') this.phase = 'stopped'
    this.#drain()
  }

  /** Keeps an event back, in its place among those that are kept already. */
  keep(evt: PersistedEvt): void {
    this.backlog.push(evt)
    this.backlog.sort((left, right) => left.position - right.position)
  }

  #drain(): void {
    this.backlog = []
    this.hasOverflown = false
    this.attempts = 0
    this.retryAt = undefined
  }
}
