import type { Outcome } from './runner.js'

const PERCENTILES = [50, 90, 99, 99.9, 100]

/** What a run came to, in words. */
export function report(outcome: Outcome): string {
  const { counters, found, stored, seconds, latencies, recoverySeconds, summary } = outcome
  if (counters === 0) return 'The run was ended before there was a counter\n'
  const perSecond = stored / Math.max(seconds, 0.001)
  const shown = PERCENTILES.map((percent) => `${nameOf(percent)} ${latencies.percentile(percent).toFixed(2)} ms`)
  return [
    `Counters   ${whole(counters)}, with ${whole(found)} events from earlier runs`,
    `Events     ${whole(stored)} in ${seconds.toFixed(2)} s: ${whole(perSecond)} events/s`,
    `Latency    ${shown.join(', ')}`,
    recoverySeconds === undefined
      ? 'Values     all right; the run was ended before its counters were recovered'
      : `Values     all right, before and after all counters were stopped and recovered in ${recoverySeconds.toFixed(2)} s`,
    ...summary,
    '',
  ].join('\n')
}

function nameOf(percent: number): string {
  return percent === 100 ? 'max' : `p${percent}`
}

function whole(count: number): string {
  return Math.round(count).toLocaleString('en')
}
