/** What is read one by one; a log that reads by the page gives whole pages, too, to those who take many items: each alone costs a promise. */
export interface Paged<Item> extends AsyncIterable<Item> {
  /** The same by the page. A read that is ended in the meantime says so at the next page. */
  readonly pages?: AsyncIterable<readonly Item[]>
}

/**
 * The pages of a read; each item is one where it has none.
 *
 * @example
 * for await (const page of pagesOf(evtLog.evtsByType('account'))) count += page.length
 */
export function pagesOf<Item>(read: Paged<Item>): AsyncIterable<readonly Item[]> {
  return read.pages ?? oneByOne(read)
}

async function* oneByOne<Item>(items: AsyncIterable<Item>): AsyncGenerator<readonly Item[], void, void> {
  for await (const item of items) yield [item]
}

/** A read by the page, as {@link paged} asks for. */
export interface PageIterator<Item> extends AsyncIterator<readonly Item[], void, void> {
  /** Whether it was ended while its consumer was at a page. Who takes item by item is given no more of that: `next` tells why. */
  readonly isEnded: boolean
  return(): Promise<IteratorResult<readonly Item[], void>>
}

/**
 * For authors of logs: a read, one by one or by the page, of which each iteration opens another one.
 *
 * @example
 * evtsByType: (typeName, options) => paged(() => new PagesOfType(typeName, options))
 */
export function paged<Item>(open: () => PageIterator<Item>): Paged<Item> {
  return {
    [Symbol.asyncIterator]: () => new ItemByItem(open()),
    pages: { [Symbol.asyncIterator]: open },
  }
}

/** The items of pages. A generator would take several times as long for each. */
class ItemByItem<Item> implements AsyncIterator<Item, void, void> {
  readonly #pages: PageIterator<Item>
  #page: Iterator<Item> = [].values()
  /** Who was the last to ask while a page is on its way: the next one is behind it. */
  #tail: Promise<void> | undefined

  constructor(pages: PageIterator<Item>) {
    this.#pages = pages
  }

  // An async function would make twice as many objects for each.
  next(): Promise<IteratorResult<Item, void>> {
    const item = this.#tail === undefined ? this.#atHand() : undefined
    if (item !== undefined) return Promise.resolve(item)
    const answer = this.#tail === undefined ? this.#take() : this.#tail.then(() => this.#take())
    const answered = (): void => {
      if (this.#tail === tail) this.#tail = undefined
    }
    const tail = answer.then(answered, answered)
    this.#tail = tail
    return answer
  }

  async #take(): Promise<IteratorResult<Item, void>> {
    for (;;) {
      const item = this.#atHand()
      if (item !== undefined) return item
      const page = await this.#pages.next()
      if (page.done === true) return page
      this.#page = page.value.values()
    }
  }

  #atHand(): IteratorYieldResult<Item> | undefined {
    const item = this.#pages.isEnded ? undefined : this.#page.next()
    return item?.done === true ? undefined : item
  }

  async return(): Promise<IteratorResult<Item, void>> {
    await this.#pages.return()
    return { done: true, value: undefined }
  }
}
