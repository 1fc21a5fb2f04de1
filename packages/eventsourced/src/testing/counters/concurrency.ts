import assert from 'node:assert/strict'
import { CounterOverflowError } from '../../counters/counter-overflow-error.js'
import { MAX_COUNT, MIN_COUNT } from '../../counters/check.js'
import type { Counts } from '../../counters/instance-aware-counter.js'
import { assertFails, assertRefused, until } from '../fixture.js'
import { assertCounts, counterCase, DEAD_MS } from './fixture.js'

export const concurrencyCases = [
  counterCase('concurrent increments of several instances are each seen by those after them', async ({ strict }) => {
    const counters = [await strict(), await strict(), await strict()]
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => counters[index % 3]?.inc('k', 1) ?? Promise.reject(new Error('none'))),
    )
    const totals = answers.map(({ total }) => Number(total)).toSorted((left, right) => left - right)
    assert.deepEqual(
      totals,
      Array.from({ length: 60 }, (_, index) => index + 1),
      'each total once: none was judged on an older one',
    )
  }),

  counterCase('concurrent increments of one stale instance all count, on the new epoch', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await b.inc('k', 1_000)
    await a.set('k', 100)
    const answers = await Promise.all(Array.from({ length: 20 }, () => b.inc('k', 1)))
    assert.deepEqual(
      answers.map(ownOf),
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    await assertCounts(a.get('k'), 120, 100)
  }),

  counterCase(
    'one instance’s changes of a key are made in the order in which they were asked for',
    async ({ strict }) => {
      const counter = await strict()
      const answers = await Promise.all([
        counter.inc('k', 5),
        counter.set('k', 2),
        counter.inc('k', 1),
        counter.delOnInstance('k'),
        counter.inc('k', 4),
        counter.del('k'),
      ])
      assert.deepEqual(answers.map(ownOf), [5, 2, 3, 3, 4, 4])
    },
  ),

  counterCase(
    'of what sets and increments at once, an increment is in the new epoch or in none',
    async ({ strict }) => {
      const [a, b] = [await strict(), await strict()]
      for (let round = 0; round < 10; round++) {
        const [, counts] = await Promise.all([a.set('k', 100), b.inc('k', 1)])
        const { total, own } = await b.get('k')
        // The increment came before the set and is void, or after it and stands.
        assert.equal(total, 100n + own)
        assert.ok(own === 0n || (own === 1n && counts.total === 101n), `own is ${own} after ${counts.total}`)
        await a.del('k')
      }
    },
  ),

  counterCase('clears that run with increments leave nothing that was there before', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    for (let round = 0; round < 10; round++) {
      await b.inc('k', 1_000)
      await Promise.all([a.clear(), b.inc('k', 1), b.inc('other', 1)])
      const { total } = await a.get('k')
      assert.ok(total === 0n || total === 1n, `${total} after a clear`)
      await assertCounts(b.set('k', 0), 0, 0)
    }
  }),

  counterCase('what does not fit 64 bits is refused, and changes nothing', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await assertCounts(a.set('k', MAX_COUNT), MAX_COUNT, MAX_COUNT)
    for (const change of [() => a.inc('k', 1), () => b.inc('k', 1), () => b.setOnInstance('k', 1)]) {
      await assertOverflows(change)
    }
    await assertCounts(a.get('k'), MAX_COUNT, MAX_COUNT)
    await assertCounts(b.dec('k', 1), MAX_COUNT - 1n, -1)
    await assertOverflows(() => a.inc('k', 1))
    await assertCounts(b.set('k', MIN_COUNT), MIN_COUNT, MIN_COUNT)
    await assertOverflows(() => a.dec('k', 1))
    await assertCounts(a.setOnInstance('j', -1), -1, -1)
    await assertCounts(a.dec('j', MIN_COUNT), MAX_COUNT, MAX_COUNT)
    // A total that comes to too much by itself, since an instance comes back, is no count either; a new epoch mends it.
    pass(DEAD_MS + 1_000)
    await assertCounts(b.inc('j', 1), 1, 1)
    await a.heartbeat()
    await assertOverflows(() => b.get('j'))
    await assertCounts(b.set('j', 5), 5, 5)
  }),

  counterCase('a closed counter refuses everything, and can be closed again', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    const counting = a.inc('k', 1)
    await Promise.all([a.close(), a.close()])
    await assertCounts(counting, 1, 1)
    for (const operation of [
      () => a.inc('k', 1),
      () => a.set('k', 1),
      () => a.get('k'),
      () => a.del('k'),
      () => a.clear(),
      () => a.clearOnInstance(),
      () => a.heartbeat(),
    ]) {
      await assertRefused('closed', operation)
    }
    await assertCounts(b.get('k'), 0, 0)
  }),

  counterCase('heartbeats are sent by themselves', async ({ faulty }) => {
    const { counter, faults } = await faulty({ heartbeatInterval: 1 })
    await until('some heartbeats were sent', () => faults.count('heartbeat') > 3)
    await counter.close()
    const count = faults.count('heartbeat')
    await assertFails('REFUSED', () => counter.heartbeat())
    assert.equal(faults.count('heartbeat'), count)
  }),
]

async function assertOverflows(operation: () => Promise<unknown>): Promise<void> {
  await assert.rejects(operation, (error) => error instanceof CounterOverflowError || assert.fail(String(error)))
}

function ownOf({ own }: Counts): number {
  return Number(own)
}
