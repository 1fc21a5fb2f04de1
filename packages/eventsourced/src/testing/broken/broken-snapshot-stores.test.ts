import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { MemorySnapshotStore } from '../../memory/memory-snapshot-store.js'
import type { Snapshot, SnapshotStore } from '../../snapshot/snapshot-store.js'
import type { SnapshotStoreSubject } from '../snapshot-store/fixture.js'
import { snapshotStoreSuite } from '../snapshot-store-suite.js'
import { caseNamed } from './otherwise.test.helper.js'

/** What a store does otherwise than the sound one beneath it. */
type Otherwise = (sound: SnapshotStore) => Partial<SnapshotStore>

interface Flaw {
  /** Ends the sentence "a snapshot store that …". */
  readonly flaw: string
  readonly otherwise: Otherwise
  /** The names of cases that must fail. */
  readonly caughtBy: readonly string[]
}

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'lets an older snapshot replace a newer one',
    otherwise: (store) => ({
      save: async (key, snapshot, options) => {
        const newest = await store.load(key)
        if (newest !== undefined && newest.seqNo > snapshot.seqNo) await store.delete(key)
        return store.save(key, snapshot, options)
      },
    }),
    caughtBy: [
      'an older snapshot never replaces a newer one, and is answered with what is kept',
      'an older snapshot does nothing, also where there is room to keep it',
    ],
  },
  {
    flaw: 'compares long before it saves',
    otherwise: (store) => ({
      save: async (key, snapshot, options) => {
        const newest = await store.load(key)
        if (newest !== undefined && newest.seqNo > snapshot.seqNo) return { oldestSeqNo: newest.seqNo }
        const [, saved] = await Promise.all([store.delete(key), store.save(key, snapshot, options)])
        return saved
      },
    }),
    caughtBy: ['of saves that run at once, from two stores, the newest stays'],
  },
  {
    flaw: 'forgets what it saves',
    otherwise: (store) => ({
      save: async (_, { seqNo }) => ({ oldestSeqNo: (await store.load(NOBODY))?.seqNo ?? seqNo }),
    }),
    caughtBy: [
      'a snapshot comes back as it was given',
      'what one store saves another loads, also after closing and reopening',
    ],
  },
  {
    flaw: 'answers a save with its own seqNo',
    otherwise: (store) => ({
      save: async (key, snapshot, options) => {
        await store.save(key, snapshot, options)
        return { oldestSeqNo: snapshot.seqNo }
      },
    }),
    caughtBy: [
      'an older snapshot never replaces a newer one, and is answered with what is kept',
      'the newest are kept, as many as asked for, and the oldest of them is answered',
    ],
  },
  {
    flaw: 'keeps one snapshot only',
    otherwise: (store) => ({ save: (key, snapshot) => store.save(key, snapshot) }),
    caughtBy: ['the newest are kept, as many as asked for, and the oldest of them is answered'],
  },
  {
    flaw: 'keeps one snapshot too many',
    otherwise: (store) => ({
      save: (key, snapshot, { keep = 1 } = {}) => store.save(key, snapshot, { keep: keep + 1 }),
    }),
    caughtBy: ['a newer snapshot takes the place of the one before', 'who keeps fewer from now on keeps the newest'],
  },
  {
    flaw: 'ignores maxSeqNo',
    otherwise: (store) => ({ load: (key) => store.load(key) }),
    caughtBy: ['a snapshot comes back as it was given'],
  },
  {
    flaw: 'takes maxSeqNo for exclusive',
    otherwise: (store) => ({
      load: (key, { maxSeqNo = Number.MAX_SAFE_INTEGER } = {}) =>
        store.load(key, { maxSeqNo: maxSeqNo === Number.MAX_SAFE_INTEGER ? maxSeqNo : Math.max(maxSeqNo - 1, 0) }),
    }),
    caughtBy: ['a snapshot comes back as it was given'],
  },
  {
    flaw: 'mixes types',
    otherwise: (store) => ({
      save: (key, snapshot, options) => store.save({ ...key, typeName: 'all' }, snapshot, options),
      load: (key, options) => store.load({ ...key, typeName: 'all' }, options),
      delete: (key) => store.delete({ ...key, typeName: 'all' }),
    }),
    caughtBy: ['two types with one id, and two ids of one type, are apart'],
  },
  {
    flaw: 'deletes the newest only',
    otherwise: (store) => ({
      delete: async (key) => {
        const newest = await store.load(key)
        const older = newest && (await store.load(key, { maxSeqNo: newest.seqNo - 1 }))
        await store.delete(key)
        if (older !== undefined) await store.save(key, older)
      },
    }),
    caughtBy: ['a deletion deletes all, can be repeated, and new ones can be saved, older ones too'],
  },
  {
    flaw: 'remembers after a deletion how new its snapshots were',
    otherwise: (store) => {
      const newest = new Map<string, number>()
      return {
        save: async (key, snapshot, options) => {
          const before = newest.get(key.id) ?? 0
          newest.set(key.id, Math.max(before, snapshot.seqNo))
          return before > snapshot.seqNo ? { oldestSeqNo: before } : store.save(key, snapshot, options)
        },
      }
    },
    caughtBy: ['a deletion deletes all, can be repeated, and new ones can be saved, older ones too'],
  },
  {
    flaw: 'loses the appendId',
    otherwise: (store) => loadedAs(store, (snapshot) => ({ ...snapshot, appendId: '' })),
    caughtBy: ['a snapshot comes back as it was given'],
  },
  {
    flaw: 'takes bytes for text',
    otherwise: (store) =>
      loadedAs(store, (snapshot) => ({ ...snapshot, bytes: Buffer.from(new TextDecoder().decode(snapshot.bytes)) })),
    caughtBy: ['each byte value survives, also in a part of a larger buffer'],
  },
  {
    flaw: 'cuts payloads at 64 KiB',
    otherwise: (store) => loadedAs(store, (snapshot) => ({ ...snapshot, bytes: snapshot.bytes.subarray(0, 65_535) })),
    caughtBy: ['payloads from 0 bytes to 512 KiB come back byte for byte'],
  },
  {
    flaw: 'hands out what it keeps',
    otherwise: (store) => {
      const kept = new Map<string, Snapshot>()
      return loadedAs(store, (snapshot) => {
        kept.set(snapshot.appendId, kept.get(snapshot.appendId) ?? snapshot)
        return kept.get(snapshot.appendId) ?? snapshot
      })
    },
    caughtBy: ['what the caller changes after a save, or in what it loaded, changes nothing kept'],
  },
  {
    flaw: 'saves what it should refuse',
    otherwise: (store) => ({
      save: (key, snapshot, options) =>
        store.save(key, { ...snapshot, version: Math.max(0, snapshot.version) }, options),
    }),
    caughtBy: ['a bad snapshot is refused as bad input, and what is kept stays'],
  },
  {
    flaw: 'never closes',
    otherwise: () => ({ close: async () => {} }),
    caughtBy: ['a closed store refuses everything, and can be closed again'],
  },
]

for (const { flaw, otherwise, caughtBy } of FLAWS) {
  test(`a snapshot store that ${flaw} is caught`, async () => {
    for (const name of caughtBy) {
      const { run } = caseNamed(snapshotStoreSuite, name)
      await assert.rejects(run(createOtherwise(otherwise)), assert.AssertionError, name)
    }
  })
}

test('each case has a name of its own and can fail', async () => {
  expect(new Set(snapshotStoreSuite.map(({ name }) => name)).size).toBe(snapshotStoreSuite.length)
  const inventing: Otherwise = () => ({
    load: async () => ({ seqNo: 0, appendId: '', version: 0, bytes: new Uint8Array() }),
  })
  const deaf: Otherwise = () => ({ save: async () => ({ oldestSeqNo: 0 }), load: async () => undefined })
  const passing: string[] = []
  for (const { name, run } of snapshotStoreSuite) {
    const outcomes = await Promise.allSettled([inventing, deaf].map((otherwise) => run(createOtherwise(otherwise))))
    if (outcomes.every(({ status }) => status === 'fulfilled')) passing.push(name)
  }
  expect(passing).toEqual([])
})

const NOBODY = { typeName: 'nobody', id: '00000000-0000-4000-8000-000000000000' }

function createOtherwise(otherwise: Otherwise): () => Promise<SnapshotStoreSubject> {
  return async () => {
    const first = new MemorySnapshotStore()
    const open = (sound: SnapshotStore): SnapshotStore => ({
      save: (key, snapshot, options) => sound.save(key, snapshot, options),
      load: (key, options) => sound.load(key, options),
      delete: (key) => sound.delete(key),
      close: () => sound.close(),
      ...otherwise(sound),
    })
    return {
      store: open(first),
      reopen: async () => open(new MemorySnapshotStore({ storageOf: first })),
      close: () => first.close(),
    }
  }
}

function loadedAs(store: SnapshotStore, change: (snapshot: Snapshot) => Snapshot): Partial<SnapshotStore> {
  return {
    load: async (key, options) => {
      const loaded = await store.load(key, options)
      return loaded && change(loaded)
    },
  }
}
