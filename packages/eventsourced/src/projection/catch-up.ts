import type { EvtLog } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { offsetsOf, only, slicesBelow } from './backlog.js'
import type { OffsetStore } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'
import { readRegistry, versionOf } from './registry.js'

/** What is to catch up, and with what. */
export interface CatchUpOptions {
  readonly key: ProjectionKey
  readonly store: OffsetStore
  readonly evtLog: EvtLog
  readonly typeName: string
  /** All events up to it are to be handled. */
  readonly position: number
}

/** `more`: the next look goes on where this one has ended. */
export type Caught = 'up' | 'not yet' | 'more'

/** How many events are looked at, at most, before who waits has its turn. */
const LOOKED_AT = 10_000

/**
 * Finds out whether everything up to a position is handled. No look goes further than to the first event that waits, and none begins before that of the
 * last one, unless slices have gone back: all together read the log once.
 */
export class CatchUp {
  readonly #options: CatchUpOptions
  /** Where the slices stood with the last look. */
  #offsets: readonly number[] = offsetsOf([])
  /** Up to where all events were handled then. */
  #handledUpTo = 0

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  async look(): Promise<Caught> {
    const { key, store, position } = this.#options
    // In this order: slices have gone back before their reset is off the list.
    if (await this.#isToBeReset()) return 'not yet'
    this.#moved(offsetsOf(await store.slices(key)))
    const behind = slicesBelow(this.#offsets, position)
    if (behind.length === 0) return 'up'
    return this.#readOn(behind)
  }

  #moved(offsets: readonly number[]): void {
    if (offsets.some((offset, slice) => offset < (this.#offsets[slice] ?? 0))) this.#handledUpTo = 0
    this.#offsets = offsets
  }

  async #readOn(behind: readonly number[]): Promise<Caught> {
    const { evtLog, typeName, position: end } = this.#options
    const after = Math.max(this.#handledUpTo, Math.min(...this.#offsets))
    let count = 0
    for await (const { key, position } of evtLog.evtsByType(typeName, { after, ...only(behind) })) {
      if (position > end) break
      if (position > (this.#offsets[sliceOf(key.id)] ?? 0)) return 'not yet'
      this.#handledUpTo = position
      count += 1
      if (count === LOOKED_AT) return 'more'
    }
    return 'up'
  }

  /** What was handled before a reset comes again: it does not count. */
  async #isToBeReset(): Promise<boolean> {
    const { registry } = await readRegistry(this.#options.store, this.#options.key.name)
    const requests = versionOf(registry, this.#options.key)?.requests ?? []
    return requests.some(({ kind }) => kind === 'reset')
  }
}
