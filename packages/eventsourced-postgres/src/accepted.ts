import { RefusedError } from 'eventsourced'

/** What was accepted before a log or store is closed, and is finished before it is. */
export class Accepted {
  readonly #what: string
  readonly #work = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** @param what is closed, as it stands in an error: "the event log" */
  constructor(what: string) {
    this.#what = what
  }

  /** @throws {RefusedError} `closed` */
  refuseIfClosed(): void {
    if (this.#closing !== undefined) throw this.#closed()
  }

  /** Has `close` wait for this work, and passes its result on. */
  async add<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work)
    try {
      return await work
    } finally {
      this.#work.delete(work)
    }
  }

  /** Closes once, whoever asks: ends what has no end of its own, waits for the rest, and then lets go. */
  close(end: (closed: RefusedError) => Promise<void>, letGo: () => Promise<void>): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([end(this.#closed()), Promise.allSettled(this.#work)])
      await letGo()
    })()
    return this.#closing
  }

  #closed(): RefusedError {
    return new RefusedError('closed', `${this.#what} is closed`)
  }
}
