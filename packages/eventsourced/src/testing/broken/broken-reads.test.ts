import { test } from 'vitest'
import type { LogHead, PersistedEvt } from '../../log/evt-log.js'
import { SLICE_COUNT, sliceOf } from '../../log/slice.js'
import { assertCaught, evtsAs, type Flaw, readsAs } from './otherwise.test.helper.js'

const METADATA = 'metadata comes back as it was given, whatever its names and values'

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'repeats an event',
    otherwise: (log) =>
      readsAs(log, async function* (evts) {
        for await (const evt of evts) {
          yield evt
          if (evt.seqNo === 2) yield evt
        }
      }),
    caughtBy: [
      'reads by id give the events of every range, both ends included',
      'a read by type gives the events of all its entities in order of position',
      'a live read by id starts in the past and goes on without gap or repeat',
      'while writers run in parallel, live readers see positions that only grow, and miss nothing',
    ],
  },
  {
    flaw: 'misses an event',
    otherwise: (log) =>
      readsAs(log, async function* (evts) {
        for await (const evt of evts) if (evt.seqNo !== 2) yield evt
      }),
    caughtBy: [
      'reads by id give the events of every range, both ends included',
      'a read by type gives the events of all its entities in order of position',
      'while writers run in parallel, a reader that comes back again and again misses nothing',
    ],
  },
  {
    flaw: 'reorders events',
    otherwise: (log) => readsAs(log, secondBehindThird),
    caughtBy: [
      'reads by id give the events of every range, both ends included',
      'a read by type gives the events of all its entities in order of position',
    ],
  },
  {
    flaw: 'lets readers by type see late what was stored early',
    otherwise: (log) => ({
      evtsByType: async function* (typeName, options) {
        for await (const evt of log.evtsByType(typeName, options)) {
          if (evt.seqNo % 5 !== 0 || Date.now() - evt.time.getTime() > 20) yield evt
        }
      },
    }),
    caughtBy: ['while writers run in parallel, a reader that comes back again and again misses nothing'],
  },
  {
    flaw: 'ends a read at its first page',
    otherwise: (log) =>
      readsAs(log, async function* (evts) {
        let count = 0
        for await (const evt of evts) {
          yield evt
          if (++count === 1_000) return
        }
      }),
    caughtBy: [
      'a long history is read whole and in order, by one reader and by several at once',
      'a long history of a type is read whole and in order',
    ],
  },
  {
    flaw: 'loses metadata',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, metadata: {} })),
    caughtBy: [METADATA, 'much metadata comes back as it was given'],
  },
  {
    flaw: 'folds the case of metadata names',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, metadata: renamed(evt, (name) => name.toLowerCase()) })),
    caughtBy: [METADATA],
  },
  {
    flaw: 'trims metadata names',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, metadata: renamed(evt, (name) => name.trim()) })),
    caughtBy: [METADATA],
  },
  {
    flaw: 'sets metadata by assignment',
    otherwise: (log) =>
      evtsAs(log, (evt) => {
        const metadata: Record<string, string> = {}
        for (const [name, value] of Object.entries(evt.metadata)) metadata[name] = value
        return { ...evt, metadata }
      }),
    caughtBy: [METADATA],
  },
  {
    flaw: 'cuts payloads at 64 KiB',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, bytes: evt.bytes.subarray(0, 65_535) })),
    caughtBy: ['payloads from 0 bytes to 512 KiB come back byte for byte'],
  },
  {
    flaw: 'takes bytes for text',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, bytes: Buffer.from(new TextDecoder().decode(evt.bytes)) })),
    caughtBy: ['each byte value survives, also in a part of a larger buffer'],
  },
  {
    flaw: 'knows no time',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, time: new Date(Number.NaN) })),
    caughtBy: ['an event comes back as it was given, with its seqNo, position, appendId and time'],
  },
  {
    flaw: 'takes the time when it reads',
    otherwise: (log) => evtsAs(log, (evt) => ({ ...evt, time: new Date() })),
    caughtBy: ['the time of an event is when it was stored, however often and by whichever log it is read'],
  },
  {
    flaw: 'hands out what it keeps',
    otherwise: (log) => {
      const kept = new Map<number, PersistedEvt>()
      return evtsAs(log, (evt) => {
        kept.set(evt.position, kept.get(evt.position) ?? evt)
        return kept.get(evt.position) ?? evt
      })
    },
    caughtBy: ['what the caller changes after an append is answered, or in what it read, changes nothing stored'],
  },
  {
    flaw: 'mixes types',
    otherwise: (log) => ({
      persist: (append) => log.persist({ ...append, key: { ...append.key, typeName: 'all' } }),
      head: (key) => log.head({ ...key, typeName: 'all' }),
      evtsById: (key, options) => retyped(key.typeName, log.evtsById({ ...key, typeName: 'all' }, options)),
      evtsByType: (typeName, options) => retyped(typeName, log.evtsByType('all', options)),
      deleteEvts: (key, toSeqNo) => log.deleteEvts({ ...key, typeName: 'all' }, toSeqNo),
    }),
    caughtBy: [
      'two types with one id never see each other',
      'a read by type gives the events of all its entities in order of position',
      'a read of a type without events is empty',
    ],
  },
  {
    flaw: 'folds the case of type names',
    otherwise: (log) => ({
      persist: (append) => log.persist({ ...append, key: folded(append.key) }),
      head: (key) => log.head(folded(key)),
      evtsById: (key, options) => retyped(key.typeName, log.evtsById(folded(key), options)),
      evtsByType: (typeName, options) => retyped(typeName, log.evtsByType(typeName.toLowerCase(), options)),
    }),
    caughtBy: ['type names that differ in case, or where one begins like another, are apart'],
  },
  {
    flaw: 'takes the end of a range for exclusive',
    otherwise: (log) => ({
      evtsById: (key, { to, ...rest } = {}) =>
        log.evtsById(key, { ...rest, ...(to !== undefined && { to: Math.max(to - 1, 0) }) }),
    }),
    caughtBy: ['reads by id give the events of every range, both ends included'],
  },
  {
    flaw: 'takes the beginning of a read by type for inclusive',
    otherwise: (log) => ({
      evtsByType: (typeName, { after = 0, ...rest } = {}) =>
        log.evtsByType(typeName, { ...rest, after: Math.max(after - 1, 0) }),
    }),
    caughtBy: [
      'a read by type begins behind the position given, wherever that stands',
      'a reader that leaves and comes back behind its last position misses and repeats nothing',
    ],
  },
  {
    flaw: 'ignores slices',
    otherwise: (log) => ({
      evtsByType: (typeName, { slice = [], ...rest } = {}) =>
        log.evtsByType(typeName, slice.length > SLICE_COUNT ? { ...rest, slice } : rest),
    }),
    caughtBy: [
      'the slices of a type partition its events',
      'a read of several slices gives the events of each, in order of position',
      'a live read of some slices gets their events only',
    ],
  },
  {
    flaw: 'slices by a hash of its own',
    otherwise: (log) => ({
      evtsByType: (typeName, { slice, ...rest } = {}) =>
        filtered(log.evtsByType(typeName, rest), ({ key }) => slice?.includes(ownSliceOf(key.id)) !== false),
    }),
    caughtBy: ['the slices of a type partition its events'],
  },
  {
    flaw: 'invents a head for an entity without events',
    otherwise: (log) => ({
      head: async (key) => {
        const head = await log.head(key)
        return head.seqNo > 0 ? head : { seqNo: 0, position: 1, appendId: '' }
      },
    }),
    caughtBy: ['an entity without events has an empty head and nothing to read'],
  },
  {
    flaw: 'remembers the first head that it read',
    otherwise: (log) => {
      const first = new Map<string, LogHead>()
      return {
        head: async (key) => {
          const head = first.get(key.id) ?? (await log.head(key))
          if (head.seqNo > 0) first.set(key.id, head)
          return head
        },
      }
    },
    caughtBy: [
      'the head is that of the last event, with its appendId',
      'after a conflict the head read from the log is good for the next append',
    ],
  },
  {
    flaw: 'remembers the first head position that it read',
    otherwise: (log) => {
      let first: Promise<number> | undefined
      return { headPosition: () => (first ??= log.headPosition()) }
    },
    caughtBy: [
      "the log's head position is never behind an event that is stored",
      'while writers run in parallel, the head position never goes back nor stays behind a reader',
    ],
  },
  {
    flaw: 'reads on behind bad arguments',
    otherwise: (log) => ({
      evtsById: (key, { from = 1, ...rest } = {}) =>
        log.evtsById(key, { ...rest, from: Math.max(Math.ceil(from), 1) || 1 }),
    }),
    caughtBy: ['a read, a deletion or a question with bad arguments is refused as such'],
  },
]

for (const flaw of FLAWS) {
  test(`a log that ${flaw.flaw} is caught`, async () => {
    await assertCaught(flaw)
  })
}

async function* secondBehindThird(evts: AsyncIterable<PersistedEvt>): AsyncIterable<PersistedEvt> {
  let held: PersistedEvt | undefined
  for await (const evt of evts) {
    if (evt.seqNo === 2) {
      held = evt
      continue
    }
    yield evt
    if (held !== undefined) yield held
    held = undefined
  }
  if (held !== undefined) yield held
}

async function* filtered(
  evts: AsyncIterable<PersistedEvt>,
  isWanted: (evt: PersistedEvt) => boolean,
): AsyncIterable<PersistedEvt> {
  for await (const evt of evts) if (isWanted(evt)) yield evt
}

async function* retyped(typeName: string, evts: AsyncIterable<PersistedEvt>): AsyncIterable<PersistedEvt> {
  for await (const evt of evts) yield { ...evt, key: { ...evt.key, typeName } }
}

function folded(key: PersistedEvt['key']): PersistedEvt['key'] {
  return { ...key, typeName: key.typeName.toLowerCase() }
}

function renamed({ metadata }: PersistedEvt, rename: (name: string) => string): PersistedEvt['metadata'] {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [rename(name), value]))
}

function ownSliceOf(id: string): number {
  return (sliceOf(id) + 1) % SLICE_COUNT
}
