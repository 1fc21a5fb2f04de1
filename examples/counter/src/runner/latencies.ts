import { createHistogram } from 'node:perf_hooks'

const NS_PER_MS = 1_000_000

/** How long things took. */
export interface Latencies {
  /** @param ms since the beginning, in milliseconds */
  add(ms: number): void
  /** The latency in milliseconds that so many percent did not exceed. */
  percentile(percent: number): number
}

export function latencies(): Latencies {
  const histogram = createHistogram()
  return {
    add: (ms) => histogram.record(Math.max(1, Math.round(ms * NS_PER_MS))),
    percentile: (percent) => histogram.percentile(percent) / NS_PER_MS,
  }
}
