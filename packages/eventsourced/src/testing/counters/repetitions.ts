import assert from 'node:assert/strict'
import type { CounterChange, CounterInstance } from '../../counters/counter-store.js'
import type { InstanceAwareCounter } from '../../counters/instance-aware-counter.js'
import { hasCode, UnavailableError, UncertainError } from '../../errors.js'
import { assertFails, assertFailsAny } from '../fixture.js'
import { assertCounts, counterCase, DEAD_MS, type FaultyCounter, FORGOTTEN_MS, type Stage } from './fixture.js'

const LOST = { when: 'after', error: new UncertainError('the answer is lost') } as const
const NOT_SENT = { when: 'before', error: new UnavailableError('the store is away') } as const

/** What may happen between a change and its repetition, and what the other instance's slice of 10 is then. */
const MEANWHILE: Readonly<Record<string, { readonly act: (other: InstanceAwareCounter) => Promise<unknown> }>> = {
  'nothing else': { act: () => Promise.resolve() },
  'a set': { act: (other) => other.set('k', 10) },
  'a deletion': { act: (other) => other.del('k') },
  'a clear': { act: (other) => other.clear() },
}

const CHANGES: readonly { readonly change: CounterChange; readonly total: number; readonly own: number }[] = [
  { change: { type: 'add', count: 3n }, total: 15, own: 5 },
  { change: { type: 'set', count: 3n }, total: 3, own: 3 },
  { change: { type: 'setOnInstance', count: 3n }, total: 13, own: 3 },
  { change: { type: 'del' }, total: 12, own: 2 },
  { change: { type: 'delOnInstance' }, total: 10, own: 2 },
]

export const repetitionCases = [
  ...CHANGES.flatMap(({ change, total, own }) =>
    Object.entries(MEANWHILE).map(([what, { act }]) =>
      counterCase(`${change.type}, sent again after ${what}, is made once and answered as before`, async (stage) => {
        const { counter, store } = await stage.faulty()
        const other = await stage.strict()
        await counter.inc('k', 2)
        await other.inc('k', 10)
        const changeId = counter.newChangeId()
        const send = () => store.change(instanceOf(stage, counter), 'k', change, changeId)
        await assertCounts(send(), total, own)
        await act(other)
        const before = await counter.get('k')
        await assertCounts(send(), total, own)
        await assertCounts(counter.get('k'), before.total, before.own)
      }),
    ),
  ),

  counterCase('a change that comes after a later one of its writer is not made', async (stage) => {
    const { counter, store } = await stage.faulty()
    const [early, late] = [counter.newChangeId(), counter.newChangeId()]
    const add = (changeId: string) =>
      store.change(instanceOf(stage, counter), 'k', { type: 'add', count: 1n }, changeId)
    await assertCounts(add(late), 1, 1)
    await assertFails('CONFLICT', () => add(early))
    await assertCounts(counter.get('k'), 1, 1)
    await assertCounts(store.change(instanceOf(stage, counter), 'another', { type: 'add', count: 1n }, early), 1, 1)
  }),

  counterCase('a clear that is sent again voids nothing that came after it', async (stage) => {
    const { counter, store } = await stage.faulty()
    const other = await stage.strict()
    const [clear, clearOnInstance] = [counter.newChangeId(), counter.newChangeId()]
    await store.clear(instanceOf(stage, counter), clear)
    await store.clearOnInstance(instanceOf(stage, counter), clearOnInstance)
    await counter.inc('k', 1)
    await other.inc('k', 2)
    await store.clearOnInstance(instanceOf(stage, counter), clearOnInstance)
    await store.clear(instanceOf(stage, counter), clear)
    await assertCounts(counter.get('k'), 3, 1)
  }),

  counterCase('operations whose answers are lost are sent again, and made once', async ({ faulty, strict }) => {
    const { counter, faults } = await faulty()
    const other = await strict()
    await other.inc('k', 10)
    for (const round of [1, 2, 3]) {
      faults.fail('change', LOST, round)
      await assertCounts(counter.inc('k', 1), 10 + round, round)
    }
    faults.fail('change', LOST)
    await assertCounts(counter.set('k', 4), 4, 4)
    faults.fail('change', LOST)
    await assertCounts(counter.del('k'), 4, 4)
    await other.inc('k', 10)
    for (const operation of ['clear', 'clearOnInstance', 'heartbeat', 'get'] as const) faults.fail(operation, LOST)
    await counter.clearOnInstance()
    await counter.heartbeat()
    await assertCounts(counter.get('k'), 10, 0)
    await counter.clear()
    await assertCounts(counter.get('k'), 0, 0)
  }),

  counterCase('a store that is away for a moment is asked again', async ({ faulty }) => {
    const { counter, faults } = await faulty()
    for (const operation of ['change', 'get', 'clear', 'leave'] as const) faults.fail(operation, NOT_SENT, 2)
    await assertCounts(counter.inc('k', 1), 1, 1)
    await assertCounts(counter.get('k'), 1, 1)
    await counter.clear()
    await counter.close()
    assert.equal(faults.count('leave'), 3)
  }),

  counterCase('a store that stays away is told as unavailable, and as uncertain where that is so', async (stage) => {
    const { counter, faults } = await stage.faulty({ timeout: 1 })
    faults.fail('change', NOT_SENT, 1_000)
    await assertFails('UNAVAILABLE', () => counter.inc('k', 1))
    faults.clear()
    await assertCounts(counter.get('k'), 0, 0)
    faults.fail('change', LOST)
    faults.fail('change', NOT_SENT, 1_000)
    await assertFailsAny(['UNCERTAIN'], () => counter.inc('k', 1))
    faults.clear()
    await assertCounts(counter.get('k'), 1, 1)
  }),

  counterCase('a request that is overtaken by its repetition does nothing', async ({ faulty }) => {
    const { counter, faults } = await faulty()
    const late = faults.late('change', new UncertainError('no answer in time'))
    await assertCounts(counter.inc('k', 1), 1, 1)
    await assertCounts(counter.inc('k', 1), 2, 2)
    await counter.del('k')
    late.release()
    await late.arrived
    await assertCounts(counter.inc('k', 1), 1, 1)
  }),

  counterCase('what is forgotten of an instance does not keep it from counting', async (stage) => {
    const { counter, store } = await stage.faulty()
    const changeId = counter.newChangeId()
    await counter.inc('k', 1)
    stage.pass(DEAD_MS + FORGOTTEN_MS + 1_000)
    await assertCounts(counter.inc('k', 1), 1, 1)
    const late = store.change(instanceOf(stage, counter), 'k', { type: 'add', count: 1n }, changeId)
    await assert.rejects(late, (error) => hasCode(error, 'CONFLICT'))
  }),
]

function instanceOf({ namespace }: Stage, { instanceId }: FaultyCounter['counter']): CounterInstance {
  return { namespace, instanceId, deadInstanceThreshold: DEAD_MS, forgetAfter: FORGOTTEN_MS }
}
