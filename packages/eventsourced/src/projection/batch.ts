import { context } from '@opentelemetry/api'
import { traceContextOf } from '../entity/telemetry.js'
import { messageOf } from '../errors.js'
import { nameOf } from '../log/entity-key.js'
import type { Batch, ForgottenEntity, ProjectedEvt } from './delivery.js'
import { HandlerError } from './handler-error.js'
import type { Move } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'

/** What a batch is made of. */
export interface BatchParts<Evt> {
  readonly projection: ProjectionKey
  readonly evts: readonly ProjectedEvt<Evt>[]
  readonly forgotten: ForgottenEntity | undefined
  /** How far the slices have come once all is handled. */
  readonly moves: readonly Move[]
  /** Whether to leave what is not handled yet for later. */
  readonly isToEnd: () => boolean
  /** Called each time the handler has begun: with an event, with all of them, or with an entity that was forgotten. */
  readonly onBegun: () => void
  /** Called when a batch ends before all its events are handled. @returns how far the slices have come */
  readonly onEnded: (handled: number) => readonly Move[]
  /** Aborted when a handler's time is over, or by whoever gives the delivery up. */
  readonly abort: AbortController
  readonly timeoutMs: number
}

/** After how long what was handled one by one is kept, and others have their turn, in milliseconds. */
const LONG_MS = 500

/** A batch as a delivery gets it. It has no getters: in an object literal one gives each of them a shape of its own, which keeps all its events until the next major collection. */
export function makeBatch<Evt>(parts: BatchParts<Evt>): Batch<Evt> {
  const { projection, evts, forgotten, isToEnd, onBegun, onEnded, abort, timeoutMs } = parts
  const { signal } = abort
  let { moves } = parts
  // Who knows them before the events are handled is to handle all of them.
  let areTold = false
  return {
    projection,
    evts,
    signal,

    moves() {
      areTold = true
      return moves
    },

    async each(handle) {
      if (evts.length === 0) return
      const watchdog = new Watchdog(timeoutMs, abort)
      const endAt = performance.now() + LONG_MS
      try {
        for (const [index, evt] of evts.entries()) {
          if (index > 0 && !areTold && (isToEnd() || performance.now() > endAt)) {
            moves = onEnded(index)
            return
          }
          await attempt(watchdog, () => inTraceOf(evt, () => handle(evt, { signal })), {
            what: `event ${evt.seqNo} of ${nameOf(evt.key)}`,
            index,
            onBegun,
          })
        }
      } finally {
        watchdog.stop()
      }
    },

    async whole(handle) {
      if (evts.length === 0) return
      await once(() => handle(evts, { signal }), `${evts.length} events`)
    },

    async forget(handle) {
      if (forgotten === undefined) return
      await once(() => handle(forgotten, { signal }), `that ${nameOf(forgotten.key)} is forgotten`)
    },
  }

  async function once(call: () => unknown, what: string): Promise<void> {
    const watchdog = new Watchdog(timeoutMs, abort)
    try {
      await attempt(watchdog, call, { what, index: undefined, onBegun })
    } finally {
      watchdog.stop()
    }
  }
}

/** Runs the handler in the trace that the event was stored in. */
function inTraceOf<Evt>(evt: ProjectedEvt<Evt>, run: () => unknown): unknown {
  return 'traceparent' in evt.metadata ? context.with(traceContextOf(evt), run) : run()
}

interface Attempt {
  readonly what: string
  readonly index: number | undefined
  readonly onBegun: () => void
}

async function attempt(watchdog: Watchdog, call: () => unknown, { what, index, onBegun }: Attempt): Promise<void> {
  watchdog.restart()
  try {
    const result = call()
    onBegun()
    if (isThenable(result)) await Promise.race([result, watchdog.over])
  } catch (error) {
    if (watchdog.isGivenUp) throw error
    if (watchdog.isLate) {
      const message = `the handler was not done with ${what} after ${watchdog.timeoutMs} ms; it may still go on`
      throw new HandlerError('PROJECTION_HANDLER_TIMEOUT', message, { index })
    }
    const message = `the handler failed on ${what}: ${messageOf(error)}`
    throw new HandlerError('PROJECTION_HANDLER_FAILED', message, { index, cause: error })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Ends a handler's time: it counts anew for each event, and says so to all by the batch's signal. One timer a batch. */
class Watchdog {
  readonly timeoutMs: number
  /** Rejects when the time is over, or the delivery is given up. */
  readonly over: Promise<never>
  isLate = false
  readonly #abort: AbortController
  readonly #timer: NodeJS.Timeout
  #fail: (reason: unknown) => void = () => {}
  readonly #givenUp = () => this.#fail(this.#abort.signal.reason)

  constructor(timeoutMs: number, abort: AbortController) {
    this.timeoutMs = timeoutMs
    this.#abort = abort
    this.over = new Promise((_, reject) => {
      this.#fail = reject
    })
    // Nobody may be waiting at that moment.
    this.over.catch(() => undefined)
    abort.signal.addEventListener('abort', this.#givenUp)
    this.#timer = setTimeout(() => {
      this.isLate = true
      abort.abort(new Error(`the handler's ${timeoutMs} ms are over`))
    }, timeoutMs)
  }

  /** Whether the delivery was given up for other reasons than the handler's time. */
  get isGivenUp(): boolean {
    return this.#abort.signal.aborted && !this.isLate
  }

  restart(): void {
    this.#abort.signal.throwIfAborted()
    this.#timer.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#abort.signal.removeEventListener('abort', this.#givenUp)
  }
}
