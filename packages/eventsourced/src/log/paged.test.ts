import { expect, test } from 'vitest'
import { paged, type PageIterator, pagesOf } from './paged.js'

class Pages implements PageIterator<number> {
  isEnded = false
  readonly #pages: Iterator<readonly number[], void>

  constructor(pages: readonly (readonly number[])[]) {
    this.#pages = pages.values()
  }

  async next(): Promise<IteratorResult<readonly number[], void>> {
    return this.isEnded ? { done: true, value: undefined } : this.#pages.next()
  }

  async return(): Promise<IteratorResult<readonly number[], void>> {
    this.isEnded = true
    return { done: true, value: undefined }
  }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

test('a read is had by the page or one by one, each time anew', async () => {
  const read = paged(() => new Pages([[1, 2], [], [3]]))
  expect(await collect(read)).toEqual([1, 2, 3])
  expect(await collect(pagesOf(read))).toEqual([[1, 2], [], [3]])
  expect(await collect(read)).toEqual([1, 2, 3])
})

test('where a read has no pages each item is one', async () => {
  async function* items(): AsyncGenerator<number> {
    yield 1
    yield 2
  }
  expect(await collect(pagesOf(items()))).toEqual([[1], [2]])
})

test('a read that is ended gives nothing more of its page', async () => {
  const pages = new Pages([[1, 2, 3]])
  const items = paged(() => pages)[Symbol.asyncIterator]()
  expect(await items.next()).toMatchObject({ value: 1 })
  pages.isEnded = true
  expect(await items.next()).toEqual({ done: true, value: undefined })
})

test('whoever leaves a read in the midst of a page ends it', async () => {
  const pages = new Pages([[1, 2, 3]])
  for await (const item of paged(() => pages)) if (item === 2) break
  expect(pages.isEnded).toBe(true)
})
