import { expect, test } from 'vitest'
import type { ErrorCode } from '../../errors.js'
import { hasCode } from '../../errors.js'
import type { EvtLog } from '../../log/evt-log.js'
import { MemoryEvtLog } from '../../memory/memory-evt-log.js'
import { MemorySnapshotStore } from '../../memory/memory-snapshot-store.js'
import type { SnapshotStore } from '../../snapshot/snapshot-store.js'
import { entityScenarios } from '../entity-scenarios.js'
import { FaultyEvtLog } from '../faulty-evt-log.js'
import { FaultySnapshotStore } from '../faulty-snapshot-store.js'
import type { Attempt } from './attempt.js'
import { type EntitySubject, runScenario } from './run-scenario.js'
import { FAULTS, seededScenario } from './scenario.js'

/** Memory logs and stores that are as broken as asked for. */
function memory(
  breakLog: (log: FaultyEvtLog) => EvtLog = (log) => log,
  breakStore: (store: FaultySnapshotStore) => SnapshotStore = (store) => store,
): EntitySubject {
  const log = new MemoryEvtLog()
  const store = new MemorySnapshotStore()
  return {
    open: async () => ({
      evtLog: breakLog(new FaultyEvtLog(new MemoryEvtLog({ storageOf: log }))),
      snapshotStore: breakStore(new FaultySnapshotStore(new MemorySnapshotStore({ storageOf: store }))),
    }),
    close: async () => {},
  }
}

const seeds = Array.from({ length: 50 }, (_, index) => index + 1)

test('a seed always gives the same scenario, another seed another one', () => {
  expect(seededScenario(7, 40)).toEqual(seededScenario(7, 40))
  expect(seededScenario(8, 40)).not.toEqual(seededScenario(7, 40))
})

test('scenarios have steps and faults of all kinds', () => {
  const steps = seeds.flatMap((seed) => seededScenario(seed, 40).steps)
  expect(new Set(steps.map((step) => step.do)).size).toBe(11)
  const faults = new Set(steps.flatMap((step) => (step.do === 'fault' ? [step.kind] : [])))
  expect(faults).toEqual(new Set(FAULTS))
})

test('callers hear all there is to hear', async () => {
  const attempts: Attempt[] = []
  for (const seed of seeds) attempts.push(...(await runScenario(memory(), seededScenario(seed, 60))))
  const heard = (code: ErrorCode) =>
    attempts.filter(({ answer }) => answer?.kind === 'failed' && hasCode(answer.error, code)).length
  const codes: ErrorCode[] = ['UNCERTAIN', 'UNAVAILABLE', 'REFUSED', 'WITHDRAWN', 'MAILBOX_FULL', 'CONFLICT']
  const handlers: ErrorCode[] = ['CMD_HANDLER_FAILED', 'EVT_HANDLER_FAILED', 'BINARIZER_FAILED']
  for (const code of [...codes, ...handlers]) expect.soft(heard(code), code).toBeGreaterThan(0)
  const accepted = attempts.flatMap(({ answer }) => (answer?.kind === 'accepted' ? [answer] : []))
  expect(accepted.filter(({ evts }) => evts.length > 0).length).toBeGreaterThan(200)
  expect(accepted.filter(({ repeated }) => repeated).length).toBeGreaterThan(10)
  const rejections = attempts.flatMap(({ answer }) => (answer?.kind === 'rejected' ? [answer.rejection.type] : []))
  expect(new Set(rejections)).toEqual(new Set(['OutOfRange', 'MovedOn']))
})

/** What the first scenario says that is not passed on a subject. */
async function failureOn(subject: () => EntitySubject): Promise<string> {
  for (const seed of seeds) {
    try {
      await runScenario(subject(), seededScenario(seed, 40), { patienceMs: 2_000 })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return 'nothing'
}

test.each<[string, (log: FaultyEvtLog) => EvtLog, RegExp]>([
  [
    'forgets the fence',
    (log) =>
      Object.assign(log, {
        persist: async (append: Parameters<EvtLog['persist']>[0]) =>
          FaultyEvtLog.prototype.persist.call(log, { ...append, expected: await log.head(append.key) }),
      }),
    /seqNo|reply/,
  ],
  [
    'loses an append that it acknowledged',
    (log) => {
      let appends = 0
      return Object.assign(log, {
        persist: async (append: Parameters<EvtLog['persist']>[0]) => {
          if (++appends % 5 > 0) return FaultyEvtLog.prototype.persist.call(log, append)
          const { seqNo, position } = append.expected
          const evts = append.groups.flat()
          const head = { seqNo: seqNo + evts.length, position: position + evts.length }
          return { groups: append.groups.length, head, positions: evts.map((_, index) => position + index + 1) }
        },
      })
    },
    /acknowledged|LOG_LOST_EVENTS|its log ends at/,
  ],
  [
    'says that it failed, and stored it',
    (log) => {
      log.faults.fail('persist', { when: 'after', error: Object.assign(new Error('no'), { code: 'REFUSED' }) }, 5)
      return log
    },
    /not as uncertain, and yet its events are stored|are not those of one command, once each|handled before, and is stored itself/,
  ],
  [
    'answers for ever',
    (log) => {
      log.faults.hold('persist')
      return log
    },
    /commands without an answer/,
  ],
])('a log that %s is found out', async (_, breakLog, message) => {
  expect(await failureOn(() => memory(breakLog))).toMatch(message)
})

test('a store that mixes up the snapshots of two entities is found out', async () => {
  let last: Parameters<SnapshotStore['save']>[1] | undefined
  const mixed = (store: FaultySnapshotStore) =>
    Object.assign(store, {
      save: async (...[key, snapshot, options]: Parameters<SnapshotStore['save']>) => {
        const bytes = last?.bytes ?? snapshot.bytes
        last = snapshot
        return FaultySnapshotStore.prototype.save.call(store, key, { ...snapshot, bytes }, options)
      },
    })
  expect(await failureOn(() => memory(undefined, mixed))).toMatch(/recovered|reply|it saw/)
})

test('a failure tells the setup, the steps, the answers and the events', async () => {
  const failure = await failureOn(() =>
    memory((log) => Object.assign(log, { head: async () => Promise.reject(new Error('no')) })),
  )
  for (const part of ['seed: 1', 'setup: {', 'steps:', "do: 'send'", 'what callers sent and heard:', '#1 entity']) {
    expect(failure).toContain(part)
  }
})

test('the cases of a run bear their seeds in their names, and run on a subject that they close', async () => {
  const cases = entityScenarios({ count: 3, seed: '41', steps: 10 })
  expect(cases.map(({ name }) => name.slice(0, 8))).toEqual(['seed 41:', 'seed 42:', 'seed 43:'])
  let closed = 0
  const close = async () => {
    closed += 1
  }
  for (const { run } of cases) await run(async () => ({ ...memory(), close }))
  expect(closed).toBe(3)
  expect(entityScenarios()).toHaveLength(20)
})

test.each(['', 'x', 1.5])('the seed %j is refused', (seed) => {
  expect(() => entityScenarios({ seed })).toThrow(expect.objectContaining({ field: 'seed' }))
})
