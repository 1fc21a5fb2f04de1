import type { PersistedEvt } from 'eventsourced'
import { expect } from 'vitest'

/** Reads on in the background. */
export function follow(read: (signal: AbortSignal) => AsyncIterable<PersistedEvt>) {
  const over = new AbortController()
  const positions: number[] = []
  const reading = (async () => {
    for await (const { position } of read(over.signal)) positions.push(position)
  })()
  reading.catch(() => undefined)
  return {
    positions,
    /** Settles when the read ends by itself. */
    reading,
    stop: async () => {
      over.abort(new Error('seen enough'))
      await expect(reading).rejects.toThrow('seen enough')
    },
  }
}
