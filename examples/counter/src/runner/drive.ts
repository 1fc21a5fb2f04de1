import { setImmediate } from 'node:timers/promises'
import { forEach } from './for-each.js'
import { latencies, type Latencies } from './latencies.js'
import { type Output, showProgress } from './progress.js'
import { sendNext, type SpawnedCounter } from './spawned-counter.js'

/** After how many events a counter lets timers and signals have their turn: a log in memory would never do so by itself. */
const EVTS_PER_TURN = 64

/** What driving the counters came to. */
export interface Driven {
  /** How many events were stored. */
  readonly stored: number
  readonly seconds: number
  readonly latencies: Latencies
}

/** Gives each counter so many events, one after another, all counters at once; fewer if the signal is aborted. */
export async function drive(
  counters: readonly SpawnedCounter[],
  evtCount: number,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<Driven> {
  const taken = latencies()
  let stored = 0
  const start = performance.now()
  const progress = showProgress(output, counters.length * evtCount, () => stored)
  try {
    await forEach(counters, counters.length, async (counter, failed) => {
      let own = 0
      while (own < evtCount && !signal.aborted && !failed.aborted) {
        const sent = performance.now()
        if (!(await sendNext(counter))) continue
        taken.add(performance.now() - sent)
        own++
        stored++
        if (own % EVTS_PER_TURN === 0) await setImmediate()
      }
    })
  } finally {
    progress.stop()
  }
  return { stored, seconds: (performance.now() - start) / 1_000, latencies: taken }
}
