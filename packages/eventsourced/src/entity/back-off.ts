import { setTimeout as delay } from 'node:timers/promises'

/** How long to wait between attempts: twice as long each time, up to a maximum, half of it by chance. */
export interface BackOff {
  /** The first wait, in milliseconds. */
  readonly start: number
  /** The longest wait, in milliseconds. */
  readonly max: number
}

const MAX_DOUBLINGS = 30

/** Waits before another attempt; `attempt` counts from 0. */
export async function backOff({ start, max }: BackOff, attempt: number): Promise<void> {
  const full = Math.min(max, start * 2 ** Math.min(attempt, MAX_DOUBLINGS))
  await delay(full / 2 + (Math.random() * full) / 2)
}
