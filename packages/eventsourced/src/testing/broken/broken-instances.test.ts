import { test } from 'vitest'
import { assertReported, type CounterFlaw, instancesAs, newChangeId } from './counter-store-otherwise.test.helper.js'

const FLAWS: readonly CounterFlaw[] = [
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
]

test.for(FLAWS)('a counter store that $flaw is reported', (flaw) => assertReported(flaw))
