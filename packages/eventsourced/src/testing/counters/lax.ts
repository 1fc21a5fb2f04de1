import assert from 'node:assert/strict'
import { CounterOverflowError } from '../../counters/counter-overflow-error.js'
import { MAX_COUNT } from '../../counters/check.js'
import { UnavailableError, UncertainError } from '../../errors.js'
import { assertRefused, until } from '../fixture.js'
import { assertCounts, counterCase, NEVER } from './fixture.js'

const LOST = { when: 'after', error: new UncertainError('the answer is lost') } as const

export const laxCases = [
  counterCase('lax: increments are answered at once, and flushed later', async ({ lax, strict }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: NEVER })
    const other = await strict()
    await other.inc('k', 10)
    await assertCounts(counter.inc('k', 3), 13, 3)
    await assertCounts(counter.dec('k', 1), 12, 2)
    await assertCounts(counter.get('k'), 12, 2)
    await until('the delta is flushed', async () => (await other.get('k')).total === 12n)
    assert.ok(faults.count('change') <= 2, 'increments share a flush')
  }),

  counterCase('lax: nothing is flushed before its time, and nothing that comes to nothing', async ({ lax, strict }) => {
    const { counter, faults } = await lax()
    const other = await strict()
    await counter.inc('k', 3)
    await assertCounts(other.get('k'), 0, 0)
    await assertCounts(counter.get('k'), 3, 3)
    await counter.dec('k', 3)
    await counter.close()
    assert.equal(faults.count('change'), 0)
  }),

  counterCase('lax: a read sees what is in flight and what is pending, once', async ({ lax }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: NEVER })
    for (const fault of [undefined, LOST]) {
      const { own } = await counter.get('k')
      const held = faults.hold('change', fault)
      await counter.inc('k', 5)
      await held.arrived
      await assertCounts(counter.inc('k', 2), own + 7n, own + 7n)
      await assertCounts(counter.get('k'), own + 7n, own + 7n)
      held.release()
      const { total } = await counter.setOnInstance('other', 0)
      assert.equal(total, 0n)
      await assertCounts(counter.get('k'), own + 7n, own + 7n)
    }
  }),

  counterCase('lax: a reading is never mixed with a flush that may or may not be in it', async ({ lax }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: 0 })
    const held = faults.hold('change', LOST)
    await counter.inc('k', 5)
    await held.arrived
    const reads = [counter.get('k'), counter.get('k'), counter.inc('k', 0)]
    held.release()
    for (const read of reads) await assertCounts(read, 5, 5)
  }),

  counterCase('lax: a flush whose answer is lost is applied once', async ({ lax, strict }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: NEVER })
    const other = await strict()
    for (let round = 1; round <= 3; round++) {
      faults.fail('change', LOST, round)
      await counter.inc('k', 2)
      await until('it is flushed', async () => (await other.get('k')).total === BigInt(2 * round))
    }
    await counter.close()
    const reopened = await strict({ instanceId: counter.instanceId })
    await assertCounts(reopened.get('k'), 6, 6)
  }),

  counterCase('lax: a flush that was applied before another’s set is not applied after it', async ({ lax, strict }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: 0 })
    const other = await strict()
    const held = faults.hold('change', LOST)
    faults.before('change', () => other.set('k', 100))
    await counter.inc('k', 5)
    await held.arrived
    held.release()
    await until('the set is seen', async () => (await counter.get('k')).total === 100n)
    await assertCounts(counter.get('k'), 100, 0)
    await assertCounts(other.get('k'), 100, 100)
  }),

  counterCase(
    'lax: one flush of a key at a time, and what comes meanwhile goes with the next',
    async ({ lax, strict }) => {
      const { counter, faults } = await lax({ flushInterval: 1, allowedLag: NEVER })
      const other = await strict()
      const held = faults.hold('change')
      await counter.inc('k', 1)
      await held.arrived
      for (let index = 0; index < 10; index++) await counter.inc('k', 1)
      const another = await counter.setOnInstance('another', 1)
      assert.equal(another.total, 1n)
      // One that is held, and the other key's.
      assert.equal(faults.count('change'), 2)
      held.release()
      await until('all is flushed', async () => (await other.get('k')).total === 11n)
      assert.equal(faults.count('change'), 3)
    },
  ),

  counterCase('lax: deltas are kept while the store is away', async ({ lax, strict }) => {
    const { counter, faults } = await lax({ flushInterval: 1, allowedLag: NEVER })
    const other = await strict()
    await counter.get('k')
    faults.fail('change', { when: 'before', error: new UnavailableError('away') }, 3)
    await assertCounts(counter.inc('k', 4), 4, 4)
    await assertCounts(counter.inc('k', 1), 5, 5)
    await until('it is flushed', async () => (await other.get('k')).total === 5n)
  }),

  counterCase('lax: what is not counted is not answered: an increment needs a base', async ({ lax }) => {
    const { counter, faults } = await lax()
    const failure = { when: 'before', error: new TypeError('not even a failure of ours') } as const
    faults.fail('get', failure)
    await assert.rejects(counter.inc('k', 1), TypeError)
    await assertCounts(counter.get('k'), 0, 0)
  }),

  counterCase('lax: a base older than the lag that is allowed is read again, and no other', async ({ lax, strict }) => {
    const { counter: lagging, faults } = await lax({ allowedLag: NEVER })
    const { counter: prompt } = await lax({ allowedLag: 0 })
    const other = await strict()
    for (let round = 1; round <= 3; round++) {
      await other.inc('k', 1)
      await assertCounts(prompt.get('k'), round, 0)
      await assertCounts(lagging.get('k'), 1, 0)
      await assertCounts(lagging.inc('k', 0), 1, 0)
    }
    assert.equal(faults.count('get'), 1)
  }),

  counterCase('lax: all other changes flush first, and go through at once', async ({ lax, strict }) => {
    const { counter } = await lax({ allowedLag: NEVER })
    const other = await strict()
    await other.inc('k', 10)
    await counter.inc('k', 1)
    await assertCounts(counter.delOnInstance('k'), 10, 1)
    await counter.inc('k', 2)
    assert.equal((await counter.getByInstance('k')).get(counter.instanceId), 2n)
    await assertCounts(counter.setOnInstance('k', 5), 15, 5)
    await assertCounts(other.get('k'), 15, 10)
    await counter.inc('k', 1)
    await assertCounts(counter.get('k'), 16, 6)
    await assertCounts(counter.del('k'), 16, 6)
    await assertCounts(counter.get('k'), 0, 0)
    await counter.inc('k', 3)
    await assertCounts(counter.set('k', 7), 7, 7)
    await assertCounts(other.get('k'), 7, 0)
    await assertCounts(counter.inc('k', 1), 8, 8)
  }),

  counterCase('lax: clears flush first, so that nothing pending comes after them', async ({ lax, strict }) => {
    const { counter } = await lax({ allowedLag: NEVER })
    const other = await strict()
    for (const clear of [() => counter.clear(), () => counter.clearOnInstance()]) {
      await counter.inc('one', 1)
      await counter.inc('two', 2)
      await clear()
      for (const key of ['one', 'two']) await assertCounts(counter.get(key), 0, 0)
      await assertCounts(counter.inc('one', 1), 1, 1)
      await assertCounts(other.get('two'), 0, 0)
      await counter.del('one')
    }
  }),

  counterCase('lax: what one sets and another sums up comes to the same', async ({ lax, strict }) => {
    const counters = [await lax({ flushInterval: 1 }), await lax({ flushInterval: 2 }), await lax({ flushInterval: 0 })]
    const other = await strict()
    await Promise.all(
      counters.flatMap(({ counter }, index) =>
        Array.from({ length: 50 }, (_, round) => counter.inc(`k${round % 3}`, index + 1)),
      ),
    )
    await until('all is flushed', async () => {
      const counts = await Promise.all(['k0', 'k1', 'k2'].map((key) => other.get(key)))
      return counts.reduce((sum, { total }) => sum + total, 0n) === 300n
    })
  }),

  counterCase('lax: close flushes and takes the instance out; a closed counter refuses everything', async (stage) => {
    const { counter } = await stage.lax()
    const other = await stage.strict()
    await counter.inc('k', 3)
    await Promise.all([counter.close(), counter.close()])
    await assertCounts(other.get('k'), 0, 0)
    for (const operation of [() => counter.inc('k', 1), () => counter.get('k'), () => counter.clear()]) {
      await assertRefused('closed', operation)
    }
    await assertCounts((await stage.strict({ instanceId: counter.instanceId })).get('k'), 3, 3)
  }),

  counterCase('lax: what does not fit 64 bits is refused, and changes nothing', async ({ lax }) => {
    const { counter } = await lax({ allowedLag: NEVER })
    await counter.set('k', MAX_COUNT - 1n)
    await counter.inc('k', 1)
    await assert.rejects(counter.inc('k', 1), CounterOverflowError)
    await assertCounts(counter.get('k'), MAX_COUNT, MAX_COUNT)
    await assertCounts(counter.setOnInstance('k', 0), 0, 0)
  }),
]
