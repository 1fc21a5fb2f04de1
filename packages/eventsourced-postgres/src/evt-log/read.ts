import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PersistedEvt } from 'eventsourced'
import type { Watch } from '../database/waiters.js'
import type { Page } from './decode-page.js'

/** How to read on and on. */
export interface Reading {
  /** Reads the page behind a seqNo or a position. */
  readonly page: (after: number) => Promise<Page>
  readonly after: number
  readonly signal: AbortSignal
}

/** What a live read needs besides. */
export interface LiveReading extends Reading {
  readonly watch: Watch
  /** The longest time to go without looking, should notifications be lost. */
  readonly pollIntervalMs: number
  /** Where it ends, if it ends. */
  readonly to: number
  /** Whether all up to there is stored, though some of it may be deleted. */
  readonly isComplete: () => Promise<boolean>
}

/** Reads what there is, page by page: while the consumer is at one the next is on its way. Answers with how far it has read. */
export async function* readPages({
  page,
  after,
  signal,
}: Reading): AsyncGenerator<readonly PersistedEvt[], number, void> {
  let next = page(after)
  for (;;) {
    const { evts, through, more } = await next
    if (more) {
      next = page(through)
      // Should the consumer leave meanwhile, nobody will hear of it.
      next.catch(() => undefined)
      // Sockets have no turn while a consumer takes one event after another without waiting: the question must be out before.
      await nextTurn()
    }
    signal.throwIfAborted()
    if (evts.length > 0) yield evts
    signal.throwIfAborted()
    if (!more) return through
  }
}

/** Reads what there is, then waits for more, and so on. It never waits while it is behind. */
export async function* readLive(reading: LiveReading): AsyncGenerator<readonly PersistedEvt[], void, void> {
  const { watch, pollIntervalMs, signal, to, isComplete } = reading
  let { after } = reading
  try {
    for (;;) {
      const count = watch.count()
      // Asked before the page is read, which then has all that there will ever be.
      const isLast = await isComplete()
      after = yield* readPages({ ...reading, after })
      if (isLast || after >= to) return
      await watch.changed(count, pollIntervalMs, signal)
    }
  } finally {
    watch.stop()
  }
}
