import assert from 'node:assert/strict'
import { assertFails } from '../fixture.js'
import { assertCounts, counterCase } from './fixture.js'

export const sliceCases = [
  counterCase('an unknown key stands at nothing', async ({ strict }) => {
    const counter = await strict()
    await assertCounts(counter.get('a'), 0, 0)
    await assertCounts(counter.del('a'), 0, 0)
    await assertCounts(counter.delOnInstance('a'), 0, 0)
    await assertCounts(counter.inc('a', 0), 0, 0)
    assert.equal(typeof (await counter.get('a')).total, 'bigint')
  }),

  counterCase('inc and dec change the own slice, and answer with the total of all', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await assertCounts(a.inc('k', 3), 3, 3)
    await assertCounts(b.inc('k', 5n), 8, 5)
    await assertCounts(a.dec('k', 1), 7, 2)
    await assertCounts(a.get('k'), 7, 2)
    await assertCounts(b.get('k'), 7, 5)
    await assertCounts((await strict()).get('k'), 7, 0)
  }),

  counterCase('slices and totals may be negative', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await assertCounts(a.dec('k', 7), -7, -7)
    await assertCounts(b.inc('k', 2), -5, 2)
    await assertCounts(b.inc('k', -4), -9, -2)
    await assertCounts(a.dec('k', -10), 1, 3)
    await assertCounts(b.set('k', -1), -1, -1)
    await assertCounts(a.setOnInstance('k', -2), -3, -2)
    await assertCounts(a.delOnInstance('k'), -1, -2)
    await assertCounts(a.del('k'), -1, 0)
  }),

  counterCase('set makes the whole count the caller’s, and voids all other slices', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 10)
    await b.inc('k', 5)
    await assertCounts(a.set('k', 100), 100, 100)
    await assertCounts(b.get('k'), 100, 0)
    await assertCounts(b.inc('k', 1), 101, 1)
    await assertCounts(a.get('k'), 101, 100)
    await assertCounts(b.set('k', 0), 0, 0)
    await assertCounts(a.dec('k', 2), -2, -2)
  }),

  counterCase('each operation takes a slice of an older epoch for nothing', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    const stale = async (): Promise<void> => {
      await b.setOnInstance('k', 50)
      await a.set('k', 100)
    }
    await stale()
    await assertCounts(b.get('k'), 100, 0)
    await assertCounts(b.inc('k', 0), 100, 0)
    await stale()
    await assertCounts(b.dec('k', 3), 97, -3)
    await stale()
    await assertCounts(b.setOnInstance('k', 4), 104, 4)
    await stale()
    await assertCounts(b.delOnInstance('k'), 100, 0)
    await stale()
    await assertCounts(b.del('k'), 100, 0)
    await stale()
    await assertCounts(b.set('k', 1), 1, 1)
  }),

  counterCase('setOnInstance changes the own slice, and leaves the others theirs', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 10)
    await b.inc('k', 5)
    await assertCounts(a.setOnInstance('k', 7), 12, 7)
    await assertCounts(b.get('k'), 12, 5)
    await assertCounts(b.setOnInstance('new', 1), 1, 1)
  }),

  counterCase('delOnInstance removes the own slice only, and answers with what it was', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 3)
    await b.inc('k', 7)
    await assertCounts(a.delOnInstance('k'), 7, 3)
    await assertCounts(a.delOnInstance('k'), 7, 0)
    await assertCounts(b.get('k'), 7, 7)
    await assertCounts(a.inc('k', 1), 8, 1)
  }),

  counterCase('del deletes the key for all, answers with what it was, and all begin anew', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    for (let round = 0; round < 3; round++) {
      await assertCounts(a.inc('k', 3), 3, 3)
      await b.inc('k', 7)
      await assertCounts(a.del('k'), 10, 3)
      await assertCounts(b.get('k'), 0, 0)
      await assertCounts(a.del('k'), 0, 0)
      await assertCounts(b.inc('k', 1), 1, 1)
      await assertCounts(a.get('k'), 1, 0)
      await assertCounts(b.del('k'), 1, 1)
    }
  }),

  counterCase('clear deletes all keys of all instances, which can be used again', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    for (let round = 0; round < 3; round++) {
      await a.inc('one', 1)
      await b.inc('one', 2)
      await b.set('two', 4)
      await a.clear()
      for (const counter of [a, b]) {
        for (const key of ['one', 'two']) await assertCounts(counter.get(key), 0, 0)
      }
      await assertCounts(b.inc('one', 8), 8, 8)
      await assertCounts(a.inc('two', 16), 16, 16)
      await assertCounts(a.get('one'), 8, 0)
    }
  }),

  counterCase('clearOnInstance removes the own slices of all keys, which can be used again', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    for (const key of ['one', 'two']) {
      await a.inc(key, 3)
      await b.inc(key, 7)
    }
    await a.clearOnInstance()
    for (const key of ['one', 'two']) {
      await assertCounts(b.get(key), 7, 7)
      await assertCounts(a.get(key), 7, 0)
    }
    await assertCounts(a.inc('one', 1), 8, 1)
    await b.clearOnInstance()
    await assertCounts(a.get('one'), 1, 1)
    await assertCounts(b.get('two'), 0, 0)
  }),

  counterCase('keys and namespaces are apart, whatever they are made of', async (stage) => {
    const plain = ['a', 'ab', 'a.b', 'a:b', 'a/b', 'A', '*', '>', '%', '_', ' ', '\n', "'", '"', '\\']
    const odd = [...plain, '\u00e4', 'a\u0308', '日本', '😀']
    const a = await stage.strict()
    for (const [index, key] of odd.entries()) await a.inc(key, 2 ** index)
    for (const [index, key] of odd.entries()) await assertCounts(a.get(key), 2 ** index, 2 ** index)
    await a.del('a')
    await assertCounts(a.get('ab'), 2, 2)
    const others = ['', '*', '>', '.x', ':a', '%'].map((end) => `${stage.namespace}${end || '-'}`)
    for (const namespace of others) {
      const other = await stage.strict({ namespace, instanceId: a.instanceId })
      await assertCounts(other.get('ab'), 0, 0)
      await other.inc('ab', 5)
      await other.clearOnInstance()
      await other.clear()
    }
    await assertCounts(a.get('ab'), 2, 2)
    await assertCounts(a.get('😀'), 2 ** 18, 2 ** 18)
  }),

  counterCase('a key may have 255 bytes, and nothing less than one; counts 64 bits', async ({ strict }) => {
    const counter = await strict()
    for (const key of ['k'.repeat(255), 'ä'.repeat(127)]) await assertCounts(counter.inc(key, 1), 1, 1)
    for (const key of ['', 'k'.repeat(256), 'ä'.repeat(128), 'NUL\0', '\uD800']) {
      await assertFails('INVALID_INPUT', () => counter.inc(key, 1))
      await assertFails('INVALID_INPUT', () => counter.get(key))
      await assertFails('INVALID_INPUT', () => counter.del(key))
    }
    for (const count of [0.5, Number.NaN, Infinity, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n]) {
      await assertFails('INVALID_INPUT', () => counter.inc('k', count))
      await assertFails('INVALID_INPUT', () => counter.dec('k', count))
      await assertFails('INVALID_INPUT', () => counter.set('k', count))
      await assertFails('INVALID_INPUT', () => counter.setOnInstance('k', count))
    }
    await assertFails('INVALID_INPUT', () => counter.inc('k', 1, { changeId: 'of my own' }))
    await assertCounts(counter.get('k'), 0, 0)
  }),

  counterCase('two hundred instances of a key are summed up', async ({ strict }) => {
    const counters = []
    for (let index = 0; index < 200; index++) counters.push(await strict())
    // Not all at once: that they get in each other's way is another matter.
    for (let from = 0; from < 200; from += 10) {
      await Promise.all(counters.slice(from, from + 10).map((counter, index) => counter.inc('k', from + index)))
    }
    const [first] = counters
    assert.ok(first !== undefined)
    await assertCounts(first.get('k'), 19_900, 0)
  }),
]
