import type { Logger } from 'pino'

/** Whether single events share batches: as it is quicker, never, or always when there is company. */
export type Batching = 'auto' | 'never' | 'always'

/** With fewer appends under way than this there is little to share. */
const MANY = 64
/** Where each of so many that wait takes longer than its part of this, each answer waits for the disk. */
const SLOW_MS = 5
const SAMPLES = 256
/** How long to share batches before single publishes are tried again. */
const PROBE_INTERVAL_MS = 20_000

/**
 * Which way appends of one event go: each by itself as long as the server answers quickly, in batches that they share once it does not.
 * Quick or slow is how long an answer takes for each of the appends that wait, so that a long queue alone does not make it slow.
 */
export class Way {
  readonly #batching: Batching
  readonly #logger: Logger | undefined
  #isSlow = false
  #probeAt = 0
  #samples = 0
  #ms = 0
  #waiting = 0

  constructor(batching: Batching, logger: Logger | undefined) {
    this.#batching = batching
    this.#logger = logger
  }

  /** Whether an append of one event shares a batch, with so many under way. */
  sharesBatch(underWay: number): boolean {
    if (underWay <= MANY || this.#batching === 'never') return false
    if (this.#batching === 'always') return true
    return this.#isSlow && performance.now() < this.#probeAt
  }

  /** Takes note of how long a single publish took, with so many under way when it was sent. */
  took(ms: number, underWay: number): void {
    if (underWay <= MANY || this.#batching !== 'auto') return
    this.#ms += ms
    this.#waiting += underWay
    if (++this.#samples === SAMPLES) this.#judge()
  }

  #judge(): void {
    const msPerAppend = this.#ms / this.#waiting
    const isSlow = msPerAppend > SLOW_MS / MANY
    if (isSlow !== this.#isSlow) {
      const way = isSlow ? 'in batches that they share' : 'each by itself'
      this.#logger?.info({ msPerAppend }, `single events are stored ${way} from now on`)
    }
    this.#isSlow = isSlow
    this.#probeAt = performance.now() + PROBE_INTERVAL_MS
    this.#samples = 0
    this.#ms = 0
    this.#waiting = 0
  }
}
