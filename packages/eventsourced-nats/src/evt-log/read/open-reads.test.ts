import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { OpenReads } from './open-reads.js'

async function* pages(): AsyncGenerator<readonly number[], void, void> {
  for (const page of [[1, 2], [], [3], [4, 5]]) {
    await nextTurn()
    yield page
  }
}

test('whoever asks for many items at once gets them in order, and each once', async () => {
  const reads = new OpenReads(() => {})
  const items = reads.iteratePages(undefined, pages)[Symbol.asyncIterator]()
  const asked = await Promise.all(Array.from({ length: 7 }, () => items.next()))
  expect(asked).toMatchObject([1, 2, 3, 4, 5, undefined, undefined].map((value) => ({ value })))
  expect(reads.count).toBe(0)
})

test('whoever asks for some items ahead gets them in order', async () => {
  const reads = new OpenReads(() => {})
  const items = reads.iteratePages(undefined, pages)[Symbol.asyncIterator]()
  const ahead = [items.next(), items.next(), items.next()]
  const seen: (number | void)[] = []
  for (let asked = await ahead.shift(); asked?.done === false; asked = await ahead.shift()) {
    seen.push(asked.value)
    ahead.push(items.next())
  }
  expect(seen).toEqual([1, 2, 3, 4, 5])
})

test('whoever asks for many items at once of a read that is ended hears of it, and waits for nothing', async () => {
  const reads = new OpenReads(() => {})
  const abort = new AbortController()
  const items = reads.iteratePages(abort.signal, pages)[Symbol.asyncIterator]()
  await items.next()
  abort.abort(new Error('enough'))
  const asked = await Promise.allSettled([items.next(), items.next(), items.next()])
  expect(asked).toEqual(asked.map(() => ({ status: 'rejected', reason: new Error('enough') })))
  expect(reads.count).toBe(0)
})
