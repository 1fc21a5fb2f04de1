import assert from 'node:assert/strict'
import type { PersistedEvt } from '../../log/evt-log.js'

/** A consumer of a live read, running beside the case. */
export interface Follower {
  /** What it has seen so far. */
  readonly evts: readonly PersistedEvt[]
  /** Waits until it has seen so many; fails if the read ends before. */
  seen(count: number): Promise<void>
  /** Waits until the read ends by itself; fails as the read fails. */
  ended(): Promise<void>
  /** Aborts the read and answers what was seen. */
  stop(): Promise<readonly PersistedEvt[]>
}

/** Starts to read, live, and goes on until stopped. */
export function follow(read: (signal: AbortSignal) => AsyncIterable<PersistedEvt>): Follower {
  const abort = new AbortController()
  const reason = new Error('the case has seen enough')
  const evts: PersistedEvt[] = []
  let wake = () => {}
  const state = { isOver: false }

  const consume = async () => {
    try {
      for await (const evt of read(abort.signal)) {
        evts.push(evt)
        wake()
      }
    } finally {
      state.isOver = true
      wake()
    }
  }
  const reading = consume()
  // Whoever waits for it gets the failure; until somebody does it must not count as unhandled.
  reading.catch(() => undefined)

  return {
    evts,
    seen: async (count) => {
      while (evts.length < count && !state.isOver) await new Promise<void>((resolve) => (wake = resolve))
      if (evts.length >= count) return
      await reading
      assert.fail(`the read ended after ${evts.length} events, before ${count} were seen`)
    },
    ended: () => reading,
    stop: async () => {
      abort.abort(reason)
      await assert.rejects(reading, (error) => error === reason || assert.fail(`the read failed: ${String(error)}`))
      return evts
    },
  }
}
