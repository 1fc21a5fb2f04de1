import type { PageIterator } from 'eventsourced'

/** Why a read is over whose consumer has left; nobody sees it. A reason that is not given would be made, with its stack, for each read. */
export const LEFT = 'the consumer has left'

/**
 * A read by the page that ends at once when its consumer leaves it. A generator that waits for its next page would hear of that only once it has one, so the wait has
 * to end.
 */
export class Leavable<Item> implements PageIterator<Item> {
  readonly #pages: AsyncGenerator<readonly Item[], void, void>
  readonly #over: AbortController

  /** @param over ends the pages, and is aborted once they have ended */
  constructor(pages: AsyncGenerator<readonly Item[], void, void>, over: AbortController) {
    this.#pages = pages
    this.#over = over
  }

  get isEnded(): boolean {
    return this.#over.signal.aborted
  }

  next(): Promise<IteratorResult<readonly Item[], void>> {
    return this.#pages.next()
  }

  return(): Promise<IteratorResult<readonly Item[], void>> {
    this.#over.abort(LEFT)
    return this.#pages.return()
  }
}
