import type { Logger } from 'pino'
import type { InstanceAwareCounter } from '../counters/instance-aware-counter.js'

/** How many entities of a type are live, over all processes that report to the same counter. */
export interface LiveEntities {
  readonly total: number
  /** By the counter's `instanceId` of each process. Processes that crashed are missing, once their heartbeats have stayed away. */
  readonly byProcess: ReadonlyMap<string, number>
}

/** How long changes are gathered before they are reported, in milliseconds. */
const PAUSE_MS = 100
/** How long it waits after a report that failed. The counter has tried for its own time by then. */
const RETRY_MS = 1_000

/**
 * Reports how many entities of a type are live in this process, to the key of the type's name. A report says how many there are, and not what has
 * changed: one that is lost or made twice does no harm, and no entity ever waits for it.
 */
export class LiveCount {
  readonly #counter: InstanceAwareCounter
  readonly #typeName: string
  readonly #logger: Logger | undefined
  #live = 0
  #reported = 0
  #timer: NodeJS.Timeout | undefined
  #reporting: Promise<void> | undefined

  constructor(counter: InstanceAwareCounter, typeName: string, logger: Logger | undefined) {
    this.#counter = counter
    this.#typeName = typeName
    this.#logger = logger
  }

  /** Tells how many are live from now on. */
  set(live: number): void {
    this.#live = live
    this.#reportLater(PAUSE_MS)
  }

  /** Reports what is due, and asks how many there are elsewhere. */
  async everywhere(): Promise<LiveEntities> {
    await this.#report()
    const slices = await this.#counter.getByInstance(this.#typeName)
    const byProcess = new Map([...slices].map(([instanceId, live]) => [instanceId, Number(live)]))
    return { total: [...byProcess.values()].reduce((sum, live) => sum + live, 0), byProcess }
  }

  /** Reports for the last time. A failure is logged: the counter drops out by itself when it is closed. */
  async close(): Promise<void> {
    await this.#report().catch((error: unknown) => this.#tell(error))
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #reportLater(delay: number): void {
    if (this.#timer !== undefined || this.#live === this.#reported) return
    this.#timer = setTimeout(() => void this.#reportNow(), delay).unref()
  }

  async #reportNow(): Promise<void> {
    let delay = PAUSE_MS
    try {
      await this.#report()
    } catch (error) {
      this.#tell(error)
      delay = RETRY_MS
    }
    this.#timer = undefined
    this.#reportLater(delay)
  }

  /** One report at a time: of two on their way at once the older might arrive last. */
  async #report(): Promise<void> {
    while (this.#live !== this.#reported) {
      this.#reporting ??= this.#send().finally(() => {
        this.#reporting = undefined
      })
      await this.#reporting
    }
  }

  async #send(): Promise<void> {
    const live = this.#live
    await this.#counter.setOnInstance(this.#typeName, live)
    this.#reported = live
  }

  #tell(error: unknown): void {
    this.#logger?.warn({ err: error, typeName: this.#typeName }, 'how many entities are live could not be reported')
  }
}
