import { setImmediate as tick } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { CounterOverflowError } from '../../counters/counter-overflow-error.js'
import { hasCode } from '../../errors.js'
import { memoryCounters } from '../counters/memory-counters.test.fixture.js'
import { instanceAwareCounterSuite } from '../instance-aware-counter-suite.js'
import {
  assertReported,
  changesAs,
  changesOtherwise,
  type CounterFlaw,
  faceOf,
  instancesAs,
  keysAs,
  newChangeId,
  remembering,
} from './counter-store-otherwise.test.helper.js'

const FLAWS: readonly CounterFlaw[] = [
  {
    flaw: 'makes a change as often as it is sent',
    otherwise: (store) => ({ change: (instance, key, change) => store.change(instance, key, change, newChangeId()) }),
    caughtBy: [
      'add, sent again after nothing else, is made once and answered as before',
      'operations whose answers are lost are sent again, and made once',
      'a request that is overtaken by its repetition does nothing',
      'lax: a flush whose answer is lost is applied once',
      'lax: a reading is never mixed with a flush that may or may not be in it',
    ],
  },
  {
    flaw: 'forgets which changes were made when another deletes the key',
    otherwise: (store) =>
      changesOtherwise(
        store,
        remembering((change) => change.type === 'del'),
      ),
    caughtBy: ['add, sent again after a deletion, is made once and answered as before'],
  },
  {
    flaw: 'forgets which changes were made when another sets the key',
    otherwise: (store) =>
      changesOtherwise(
        store,
        remembering((change) => change.type === 'set'),
      ),
    caughtBy: [
      'add, sent again after a set, is made once and answered as before',
      'lax: a flush that was applied before another’s set is not applied after it',
    ],
  },
  {
    flaw: 'answers a repetition with what stands now',
    otherwise: (store) => ({
      change: async (instance, key, change, changeId) => {
        const before = await store.get(instance, key)
        const answer = await store.change(instance, key, change, changeId)
        const after = await store.get(instance, key)
        const isRepetition = before.total === after.total && before.own === after.own
        return isRepetition ? after : answer
      },
    }),
    caughtBy: ['del, sent again after nothing else, is made once and answered as before'],
  },
  {
    flaw: 'makes a change that comes too late',
    otherwise: (store) => ({
      change: async (instance, key, change, changeId) => {
        try {
          return await store.change(instance, key, change, changeId)
        } catch (error) {
          if (!hasCode(error, 'CONFLICT')) throw error
          return store.change(instance, key, change, newChangeId())
        }
      },
    }),
    caughtBy: ['a change that comes after a later one of its writer is not made'],
  },
  {
    flaw: 'lets a set keep the others’ slices',
    otherwise: (store) =>
      changesAs(store, (change) => (change.type === 'set' ? { ...change, type: 'setOnInstance' } : change)),
    caughtBy: [
      'set makes the whole count the caller’s, and voids all other slices',
      'one that comes back does not count with slices of an older epoch',
      'each operation takes a slice of an older epoch for nothing',
    ],
  },
  {
    flaw: 'lets setOnInstance void the others’ slices',
    otherwise: (store) =>
      changesAs(store, (change) => (change.type === 'setOnInstance' ? { ...change, type: 'set' } : change)),
    caughtBy: ['setOnInstance changes the own slice, and leaves the others theirs'],
  },
  {
    flaw: 'deletes the own slice only',
    otherwise: (store) => changesAs(store, (change) => (change.type === 'del' ? { type: 'delOnInstance' } : change)),
    caughtBy: ['del deletes the key for all, answers with what it was, and all begin anew'],
  },
  {
    flaw: 'deletes the whole key where the own slice was meant',
    otherwise: (store) => changesAs(store, (change) => (change.type === 'delOnInstance' ? { type: 'del' } : change)),
    caughtBy: ['delOnInstance removes the own slice only, and answers with what it was'],
  },
  {
    flaw: 'counts on from a slice of an older epoch',
    otherwise: (store) => {
      const last = new Map<string, bigint>()
      return {
        change: async (instance, key, change, changeId) => {
          const name = `${instance.instanceId} ${key}`
          const { own } = await store.get(instance, key)
          const isStale = change.type === 'add' && own === 0n
          const counted = isStale ? { ...change, count: change.count + (last.get(name) ?? 0n) } : change
          const answer = await store.change(instance, key, counted, changeId)
          last.set(name, answer.own)
          return answer
        },
      }
    },
    caughtBy: [
      'each operation takes a slice of an older epoch for nothing',
      'concurrent increments of one stale instance all count, on the new epoch',
    ],
  },
  {
    flaw: 'clears the caller’s slices only',
    otherwise: (store) => ({ clear: (instance, changeId) => store.clearOnInstance(instance, changeId) }),
    caughtBy: ['clear deletes all keys of all instances, which can be used again'],
  },
  {
    flaw: 'clears everything where the caller’s slices were meant',
    otherwise: (store) => ({ clearOnInstance: (instance, changeId) => store.clear(instance, changeId) }),
    caughtBy: ['clearOnInstance removes the own slices of all keys, which can be used again'],
  },
  {
    flaw: 'clears as often as it is asked to',
    otherwise: (store) => ({ clear: (instance) => store.clear(instance, newChangeId()) }),
    caughtBy: ['a clear that is sent again voids nothing that came after it'],
  },
  {
    flaw: 'wraps around',
    otherwise: (store) => ({
      change: async (instance, key, change, changeId) => {
        try {
          return await store.change(instance, key, change, changeId)
        } catch (error) {
          if (!(error instanceof CounterOverflowError)) throw error
          return store.change(instance, key, { type: 'setOnInstance', count: -(2n ** 63n) }, changeId)
        }
      },
    }),
    caughtBy: ['what does not fit 64 bits is refused, and changes nothing'],
  },
  {
    flaw: 'takes keys for one that differ in case',
    otherwise: (store) => keysAs(store, (key) => key.toLowerCase()),
    caughtBy: ['keys and namespaces are apart, whatever they are made of'],
  },
  {
    flaw: 'takes keys for one that differ in how they compose a letter',
    otherwise: (store) => keysAs(store, (key) => key.normalize('NFC')),
    caughtBy: ['keys and namespaces are apart, whatever they are made of'],
  },
  {
    flaw: 'cuts long keys',
    otherwise: (store) => keysAs(store, (key) => key.slice(0, 1)),
    caughtBy: ['keys and namespaces are apart, whatever they are made of'],
  },
  {
    flaw: 'mixes namespaces',
    otherwise: (store) =>
      instancesAs(store, (instance) => ({ ...instance, namespace: instance.namespace.slice(0, 39) })),
    caughtBy: ['keys and namespaces are apart, whatever they are made of'],
  },
  {
    flaw: 'judges an increment on a total that was read before',
    otherwise: (store) => ({
      change: async (instance, key, change, changeId) => {
        const before = await store.get(instance, key)
        await tick()
        const { own } = await store.change(instance, key, change, changeId)
        return { total: change.type === 'add' ? before.total + change.count : before.total, own }
      },
    }),
    caughtBy: ['concurrent increments of several instances are each seen by those after them'],
  },
]

test.for(FLAWS)('a counter store that $flaw is reported', (flaw) => assertReported(flaw))

test('a sound counter store is not reported', async () => {
  const create = memoryCounters(faceOf)
  for (const { run } of instanceAwareCounterSuite) await run(create)
  expect(instanceAwareCounterSuite.length).toBeGreaterThan(60)
})
