import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { checkAppend, checkEvtsByType } from '../../log/check.js'
import type { EvtLog, Head, LogHead, PersistedEvt } from '../../log/evt-log.js'
import { evtLogSuite } from '../evt-log-suite.js'
import { createOtherwise, evtsAs, type Otherwise, readsAs } from './otherwise.test.helper.js'

// What the contract leaves open a suite must not ask for.
const SOUND: Record<string, Otherwise> = {
  'a log like the one beneath it': () => ({}),

  'a log that stores one group at a time': (log) => ({
    persist: async (append) => {
      checkAppend(append)
      return log.persist({ ...append, groups: append.groups.slice(0, 1) })
    },
  }),

  'a log that takes its time, and lets others by': (log) => ({
    persist: async (append) => {
      await pause()
      const persisted = await log.persist(append)
      await pause()
      return persisted
    },
    head: async (key) => {
      await pause()
      return log.head(key)
    },
    ...readsAs(log, async function* (evts) {
      await pause()
      for await (const evt of evts) {
        yield evt
        if (evt.seqNo % 10 === 0) await pause()
      }
    }),
  }),

  'a log that answers in its own kinds of objects': (log) => ({
    head: async (key) => withoutPrototype(await log.head(key)),
    ...evtsAs(log, (evt) => ({ ...evt, bytes: Buffer.from(evt.bytes), metadata: withoutPrototype(evt.metadata) })),
  }),

  'a log with gaps between positions, whose tombstones have positions of their own': (log) => stretched(log),
}

for (const [kind, otherwise] of Object.entries(SOUND)) {
  for (const { name, run } of evtLogSuite) test(`${kind}: ${name}`, () => run(createOtherwise(otherwise)))
}

test('each case has a name of its own', () => {
  const names = evtLogSuite.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('each case can fail', async () => {
  const ofNothing: Otherwise = () => ({ head: async () => ({ seqNo: 0, position: 1, appendId: '' }) })
  const ofOtherPositions: Otherwise = (log) => ({
    headPosition: async () => -1,
    persist: async (append) => {
      const { positions, ...rest } = await log.persist(append)
      return { ...rest, positions: positions.map((position) => position + 1) }
    },
  })
  const deaf: Otherwise = (log) => ({
    head: () => log.head({ typeName: '', id: '' }),
    deleteEvts: async () => {},
    evtsById: (key) => log.evtsById(key),
    evtsByType: (typeName) => log.evtsByType(typeName),
    ids: async function* (typeName) {
      for (let time = 0; time < 2; time++) yield* log.ids(typeName)
    },
  })
  const passing: string[] = []
  for (const { name, run } of evtLogSuite) {
    const runs = [ofNothing, ofOtherPositions, deaf].map((otherwise) => run(createOtherwise(otherwise)))
    const outcomes = await Promise.allSettled(runs)
    if (outcomes.every(({ status }) => status === 'fulfilled')) passing.push(name)
  }
  expect(passing).toEqual([])
})

function withoutPrototype<Value extends object>(value: Value): Value {
  const copy = { ...value }
  Object.setPrototypeOf(copy, null)
  return copy
}

async function pause(): Promise<void> {
  await (Math.random() < 0.8 ? setImmediate() : sleep(2))
}

const STRETCH = 10
const TOMBSTONE = 5
const NO_HEAD: Head = { seqNo: 2 ** 50, position: 1 }

/** Positions are ten times those of the log beneath, a tombstone's five more. */
function stretched(log: EvtLog): Partial<EvtLog> {
  const stretch = <At extends Head>(at: At): At => ({ ...at, position: at.position * STRETCH })
  const head = async (key: PersistedEvt['key']): Promise<LogHead> => {
    const found = stretch(await log.head(key))
    const isTombstone = found.seqNo > 0 && (await isEmpty(log.evtsById(key, { from: found.seqNo })))
    return isTombstone ? { ...found, position: found.position + TOMBSTONE } : found
  }
  return {
    persist: async (append) => {
      checkAppend(append)
      const { seqNo, position } = await head(append.key)
      const mayFit = append.expected.position === position || append.expected.seqNo < seqNo
      const expected = { ...append.expected, position: Math.floor(append.expected.position / STRETCH) }
      const persisted = await log.persist({ ...append, expected: mayFit ? expected : NO_HEAD })
      return {
        groups: persisted.groups,
        head: stretch(persisted.head),
        positions: persisted.positions.map((one) => one * STRETCH),
      }
    },
    head,
    headPosition: async () => (await log.headPosition()) * STRETCH + TOMBSTONE,
    evtsById: (key, options) => evtsAs(log, stretch).evtsById(key, options),
    evtsByType: (typeName, options = {}) => {
      checkEvtsByType(typeName, options)
      const after = Math.floor((options.after ?? 0) / STRETCH)
      return evtsAs(log, stretch).evtsByType(typeName, { ...options, after })
    },
  }
}

async function isEmpty(evts: AsyncIterable<PersistedEvt>): Promise<boolean> {
  for await (const _ of evts) return false
  return true
}
