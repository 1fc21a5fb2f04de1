import assert from 'node:assert/strict'
import { setImmediate as tick } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CounterChange, CounterInstance, CounterStore } from '../../counters/counter-store.js'
import { CounterOverflowError } from '../../counters/counter-overflow-error.js'
import type { Counts } from '../../counters/instance-aware-counter.js'
import { hasCode } from '../../errors.js'
import { appendIds } from '../../log/append-id.js'
import { memoryCounters } from '../counters/memory-counters.test.fixture.js'
import { instanceAwareCounterSuite } from '../instance-aware-counter-suite.js'
import { caseNamed } from './otherwise.test.helper.js'

interface Flaw {
  /** Ends the sentence "a counter store that …". */
  readonly flaw: string
  /** What it does otherwise than the sound one beneath it. */
  readonly otherwise: (sound: CounterStore) => Partial<CounterStore>
  /** The names of cases that must fail. */
  readonly caughtBy: readonly string[]
}

const newChangeId = appendIds()

const FLAWS: readonly Flaw[] = [
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
    flaw: 'counts the dead',
    otherwise: (store) => instancesAs(store, (instance) => ({ ...instance, deadInstanceThreshold: 2 ** 31 })),
    caughtBy: [
      'an instance whose heartbeats stay away stops counting, and not before',
      'each instance goes by its own threshold',
    ],
  },
  {
    flaw: 'takes instances for dead too soon',
    otherwise: (store) => instancesAs(store, (instance) => ({ ...instance, deadInstanceThreshold: 5_000 })),
    caughtBy: ['an instance whose heartbeats stay away stops counting, and not before'],
  },
  {
    flaw: 'ignores heartbeats',
    otherwise: () => ({ heartbeat: () => Promise.resolve() }),
    caughtBy: [
      'heartbeats keep an instance alive, and so does each operation',
      'an instance that comes back counts again at once, with all its slices',
    ],
  },
  {
    flaw: 'never forgets',
    otherwise: (store) => instancesAs(store, (instance) => ({ ...instance, forgetAfter: 2 ** 40 })),
    caughtBy: ['one that stays away for too long is forgotten'],
  },
  {
    flaw: 'forgets the dead at once',
    otherwise: (store) => instancesAs(store, (instance) => ({ ...instance, forgetAfter: 1 })),
    caughtBy: ['an instance that comes back counts again at once, with all its slices'],
  },
  {
    flaw: 'lets nobody leave',
    otherwise: () => ({ leave: () => Promise.resolve() }),
    caughtBy: ['close takes an instance out at once, and its id brings its slices back'],
  },
  {
    flaw: 'drops the slices of who leaves',
    otherwise: (store) => ({
      leave: async (instance) => {
        await store.clearOnInstance(instance, newChangeId())
        await store.leave(instance)
      },
    }),
    caughtBy: [
      'close takes an instance out at once, and its id brings its slices back',
      'lax: close flushes and takes the instance out; a closed counter refuses everything',
    ],
  },
  {
    flaw: 'lists the caller’s slice only',
    otherwise: (store) => ({
      slices: async (instance, key) => new Map([[instance.instanceId, (await store.get(instance, key)).own]]),
    }),
    caughtBy: ['the slices of a key are told by their instances, those of the living only'],
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

test.for(FLAWS)('a counter store that $flaw is reported', async ({ otherwise, caughtBy }) => {
  const create = memoryCounters((sound) => {
    const face = faceOf(sound)
    return { ...face, ...otherwise(face) }
  })
  for (const name of caughtBy) {
    const { run } = caseNamed(instanceAwareCounterSuite, name)
    await assert.rejects(run(create, { deadlineMs: 2_000 }), `not reported by "${name}"`)
  }
})

test('a sound counter store is not reported', async () => {
  const create = memoryCounters(faceOf)
  for (const { run } of instanceAwareCounterSuite) await run(create)
  expect(instanceAwareCounterSuite.length).toBeGreaterThan(60)
})

/** A store as an object that can be spread. */
function faceOf(store: CounterStore): CounterStore {
  return {
    heartbeat: (instance) => store.heartbeat(instance),
    get: (instance, key) => store.get(instance, key),
    slices: (instance, key) => store.slices(instance, key),
    change: (instance, key, change, changeId) => store.change(instance, key, change, changeId),
    clear: (instance, changeId) => store.clear(instance, changeId),
    clearOnInstance: (instance, changeId) => store.clearOnInstance(instance, changeId),
    leave: (instance) => store.leave(instance),
    close: () => store.close(),
  }
}

function instancesAs(store: CounterStore, as: (instance: CounterInstance) => CounterInstance): Partial<CounterStore> {
  return {
    heartbeat: (instance) => store.heartbeat(as(instance)),
    get: (instance, key) => store.get(as(instance), key),
    slices: (instance, key) => store.slices(as(instance), key),
    change: (instance, key, change, changeId) => store.change(as(instance), key, change, changeId),
    clear: (instance, changeId) => store.clear(as(instance), changeId),
    clearOnInstance: (instance, changeId) => store.clearOnInstance(as(instance), changeId),
    leave: (instance) => store.leave(as(instance)),
  }
}

function keysAs(store: CounterStore, as: (key: string) => string): Partial<CounterStore> {
  return {
    get: (instance, key) => store.get(instance, as(key)),
    slices: (instance, key) => store.slices(instance, as(key)),
    change: (instance, key, change, changeId) => store.change(instance, as(key), change, changeId),
  }
}

function changesAs(store: CounterStore, as: (change: CounterChange) => CounterChange): Partial<CounterStore> {
  return { change: (instance, key, change, changeId) => store.change(instance, key, as(change), changeId) }
}

type Remembered = (instance: CounterInstance, change: CounterChange, changeId: string) => string

function changesOtherwise(store: CounterStore, idOf: Remembered): Partial<CounterStore> {
  return {
    change: (instance, key, change, changeId): Promise<Counts> =>
      store.change(instance, key, change, idOf(instance, change, changeId)),
  }
}

/** All instances' ids of changes, until some change has them all forgotten. Shared by the stores of a test, as a table would be. */
const epochs = { forgotten: 0 }
function remembering(isForgetting: (change: CounterChange) => boolean): Remembered {
  const made = new Map<string, { readonly id: string; readonly epoch: number }>()
  return (_, change, changeId) => {
    const before = made.get(changeId)
    if (before !== undefined && before.epoch === epochs.forgotten) return before.id
    if (isForgetting(change)) epochs.forgotten += 1
    const id = newChangeId()
    made.set(changeId, { id, epoch: epochs.forgotten })
    return id
  }
}
