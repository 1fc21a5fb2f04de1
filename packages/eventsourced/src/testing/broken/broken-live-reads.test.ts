import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import type { PersistedEvt } from '../../log/evt-log.js'
import { assertCaught, type Flaw, readsAs } from './otherwise.test.helper.js'

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'ends a live read where the past ends',
    otherwise: (log) => ({
      evtsById: (key, options) => log.evtsById(key, { ...options, live: false }),
      evtsByType: (typeName, options) => log.evtsByType(typeName, { ...options, live: false }),
    }),
    caughtBy: [
      'a live read by id starts in the past and goes on without gap or repeat',
      'a live read by type starts in the past and goes on without gap or repeat',
      'live reads of what has no events yet wait for the first',
      'live reads that begin where all is deleted wait for what comes',
    ],
  },
  {
    flaw: 'misses what is stored before its live read listens',
    otherwise: (log) => ({
      evtsById: async function* (key, options = {}) {
        yield* log.evtsById(key, { ...options, live: false })
        if (options.live !== true) return
        await sleep(1)
        yield* log.evtsById(key, { ...options, from: (await log.head(key)).seqNo + 1 })
      },
    }),
    caughtBy: ['live reads of what has no events yet wait for the first'],
    hangs: true,
  },
  {
    flaw: 'repeats the last event of the past in a live read',
    otherwise: (log) => ({
      evtsByType: async function* (typeName, options = {}) {
        let { after = 0 } = options
        for await (const evt of log.evtsByType(typeName, { ...options, live: false })) {
          after = evt.position
          yield evt
        }
        if (options.live === true) yield* log.evtsByType(typeName, { ...options, after: Math.max(after - 1, 0) })
      },
    }),
    caughtBy: [
      'a live read by type starts in the past and goes on without gap or repeat',
      'a slow consumer of a live read gets everything all the same',
    ],
  },
  {
    flaw: 'reads on though the signal fired',
    otherwise: (log) => ({
      evtsById: (key, { live = false } = {}) => log.evtsById(key, { live }),
      evtsByType: (typeName, { live = false } = {}) => log.evtsByType(typeName, { live }),
    }),
    caughtBy: [
      'a read by id with a signal that fired before throws its reason',
      'a read by type with a signal that fired before throws its reason',
      'a read by id whose signal fires between two events throws its reason at once',
    ],
  },
  {
    flaw: 'lets an aborted read hang',
    otherwise: (log) => ({
      evtsById: (key, { signal, ...rest } = {}) => hangingOnceAborted(log.evtsById(key, rest), signal),
      evtsByType: (typeName, { signal, ...rest } = {}) => hangingOnceAborted(log.evtsByType(typeName, rest), signal),
    }),
    caughtBy: [
      'a read by id, live of nothing whose signal fires while it waits throws its reason',
      'a read by type, live whose signal fires while it waits throws its reason',
    ],
    hangs: true,
  },
  {
    flaw: 'takes an abort for an end',
    otherwise: (log) => ({
      evtsById: (key, options) => endedByAbort(log.evtsById(key, options), options?.signal),
      evtsByType: (typeName, options) => endedByAbort(log.evtsByType(typeName, options), options?.signal),
    }),
    caughtBy: [
      'a read by id, live whose signal fires while it waits throws its reason',
      'a read by type, live of nothing whose signal fires while it waits throws its reason',
    ],
  },
  {
    flaw: 'listens to a signal for ever',
    otherwise: (log) => ({
      evtsById: (key, options) => {
        options?.signal?.addEventListener('abort', () => {})
        return log.evtsById(key, options)
      },
    }),
    caughtBy: [
      'a read by id whose consumer throws leaves nothing open',
      'a read by id, live that was never begun leaves nothing open',
    ],
    hangs: true,
  },
  {
    flaw: 'never lets go of a read that its consumer leaves',
    otherwise: (log) =>
      readsAs(log, async function* (evts) {
        const iterator = evts[Symbol.asyncIterator]()
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
      }),
    caughtBy: [
      'a read by id that its consumer leaves, or reads to its end, leaves nothing open',
      'a read by type, live whose consumer throws leaves nothing open',
      'many reads that come and go leave nothing open',
    ],
    hangs: true,
  },
  {
    flaw: 'takes an end for no end in a live read',
    otherwise: (log) => ({
      evtsById: (key, { to, live = false, ...rest } = {}) =>
        log.evtsById(key, { ...rest, live, ...(to !== undefined && !live && { to }) }),
    }),
    caughtBy: ['a live read by id that has an end ends there'],
    hangs: true,
  },
  {
    flaw: 'waits for the last event of a range though it is deleted',
    otherwise: (log) => ({
      evtsById: async function* (key, { to = Number.MAX_SAFE_INTEGER, live = false, ...rest } = {}) {
        for await (const evt of log.evtsById(key, { ...rest, live, ...(!live && { to }) })) {
          if (evt.seqNo <= to) yield evt
          if (evt.seqNo >= to) return
        }
      },
    }),
    caughtBy: ['a live read by id that has an end ends there, though that event is deleted'],
    hangs: true,
  },
  {
    flaw: 'serves one live reader only',
    otherwise: (log) => {
      let isServing = false
      return {
        evtsById: (key, options = {}) => {
          const live = options.live === true && !isServing
          isServing ||= live
          return log.evtsById(key, { ...options, live })
        },
      }
    },
    caughtBy: ['several live readers of one entity each see everything'],
  },
  {
    flaw: 'ends a live read at a deleted event',
    otherwise: (log) => ({
      evtsById: async function* (key, options = {}) {
        let last: PersistedEvt | undefined
        for await (const evt of log.evtsById(key, options)) {
          if (last !== undefined && (await gone(log.evtsById(key, { from: last.seqNo, to: last.seqNo })))) return
          last = evt
          yield evt
        }
      },
    }),
    caughtBy: ['live reads go on over a deletion, of what they have read and of the newest event'],
  },
]

for (const flaw of FLAWS) {
  test(`a log that ${flaw.flaw} is caught`, async () => {
    await assertCaught(flaw)
  })
}

async function* endedByAbort(evts: AsyncIterable<PersistedEvt>, signal?: AbortSignal): AsyncIterable<PersistedEvt> {
  try {
    yield* evts
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
}

async function* hangingOnceAborted(
  evts: AsyncIterable<PersistedEvt>,
  signal?: AbortSignal,
): AsyncIterable<PersistedEvt> {
  signal?.throwIfAborted()
  for await (const evt of evts) {
    yield evt
    signal?.throwIfAborted()
  }
}

async function gone(evts: AsyncIterable<PersistedEvt>): Promise<boolean> {
  for await (const _ of evts) return false
  return true
}
