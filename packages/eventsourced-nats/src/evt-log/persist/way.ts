import type { Logger } from 'pino'

/** Whether single events share batches: as it is quicker, never, or always when there is company. */
export type Batching = 'auto' | 'never' | 'always'

/** With fewer appends under way than this there is little to share. */
const MANY = 64
/** Where each of so many that wait takes longer than its part of this, each answer may wait for the disk. */
const SLOW_MS = 5
/** So many appends at least are measured before a way is judged. */
const SAMPLES = 256
/** So long at least one is measured that is not merely tried: a cold start is no reason to change. */
const WINDOW_MS = 250
/** After so many times what all that wait would have taken the other way a trial is broken off: it needs two such times and a little. */
const PATIENCE = 3
/** How much cheaper the other way must be. */
const BETTER = 0.9
/** How long a way is kept before the other one is tried, longer each time that it was tried in vain: a wrong choice doesn't last. */
const MIN_REST_MS = 1_000
const MAX_REST_MS = 30_000

/**
 * Which way appends of one event go: each by itself as long as the server answers quickly; once it does not, both ways are measured
 * and the cheaper one is taken. So a server that is slow for another reason than the disk costs a trial now and then, of some hundred
 * appends, and never more.
 *
 * What a way costs is how long an answer takes for each of the appends that wait, so that a long queue alone does not make it slow.
 */
export class Way {
  readonly #batching: Batching
  readonly #logger: Logger | undefined
  readonly #now: () => number
  #isShared = false
  /** What the other way cost, while this one is tried. */
  #tried: number | undefined
  /** What single publishes cost when batches were found to be cheaper. */
  #singleCost = Infinity
  #nextTrialAt = 0
  #restMs = MIN_REST_MS
  #window: Window

  constructor(batching: Batching, logger: Logger | undefined, now: () => number = () => performance.now()) {
    this.#batching = batching
    this.#logger = logger
    this.#now = now
    this.#window = newWindow(now())
  }

  /** Whether an append of one event shares a batch, with so many under way. */
  sharesBatch(underWay: number): boolean {
    if (underWay <= MANY || this.#batching === 'never') return false
    return this.#isShared || this.#batching === 'always'
  }

  /** Takes note of an append of one event that was stored: when it was sent, and with how many under way. */
  took(sentAt: number, underWay: number): void {
    const window = this.#window
    if (underWay <= MANY || this.#batching !== 'auto') return
    const now = this.#now()
    if (this.#tried !== undefined && now - window.since > PATIENCE * this.#tried * underWay) {
      return this.#judge(Infinity, now)
    }
    if (sentAt < window.since) return
    // What was sent the other way is answered before it, and must not be counted as its time.
    window.settledAt ??= now
    if (sentAt >= window.settledAt) {
      window.ms += now - sentAt
      window.waiting += underWay
      window.samples++
    }
    const isEnough = this.#tried !== undefined || now - window.since >= WINDOW_MS
    if (window.samples >= SAMPLES && isEnough) this.#judge(window.ms / window.waiting, now)
  }

  #judge(cost: number, now: number): void {
    if (this.#tried !== undefined) this.#endTrial(cost, this.#tried, now)
    else if (this.#isWorthATrial(cost, now)) {
      this.#tried = cost
      this.#isShared = !this.#isShared
    }
    this.#window = newWindow(now)
  }

  #isWorthATrial(cost: number, now: number): boolean {
    if (this.#isShared) return now >= this.#nextTrialAt || cost > this.#singleCost
    return now >= this.#nextTrialAt && cost > SLOW_MS / MANY
  }

  #endTrial(cost: number, other: number, now: number): void {
    const [singleCost, sharedCost] = this.#isShared ? [other, cost] : [cost, other]
    const isBetter = cost < other * BETTER
    // A trial that was broken off tells nothing but that it is dearer.
    if (singleCost < Infinity) this.#singleCost = singleCost
    this.#tried = undefined
    if (!isBetter) this.#isShared = !this.#isShared
    this.#restMs = isBetter ? MIN_REST_MS : Math.min(2 * this.#restMs, MAX_REST_MS)
    this.#nextTrialAt = now + this.#restMs
    if (!isBetter) return
    const way = this.#isShared ? 'in batches that they share' : 'each by itself'
    this.#logger?.info({ singleCost, sharedCost }, `single events are stored ${way} from now on`)
  }
}

/** What is measured of one way at a stretch. */
interface Window {
  readonly since: number
  /** When the first append that was sent since then was answered. */
  settledAt: number | undefined
  samples: number
  ms: number
  waiting: number
}

function newWindow(since: number): Window {
  return { since, settledAt: undefined, samples: 0, ms: 0, waiting: 0 }
}
