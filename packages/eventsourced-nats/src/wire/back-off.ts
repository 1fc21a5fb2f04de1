import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 10
const MAX_MS = 1_000

/**
 * Waits the longer the more tries there were, from some 10 ms to 1 s, with jitter so that many don't come back at once. Comes back early
 * if the signal fires.
 */
export async function backOff(attempt: number, signal?: AbortSignal): Promise<void> {
  const ms = Math.min(START_MS * 2 ** Math.min(attempt, 10), MAX_MS) * (0.5 + Math.random() / 2)
  if (signal === undefined) return sleep(ms)
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
