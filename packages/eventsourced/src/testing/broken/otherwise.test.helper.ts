import assert from 'node:assert/strict'
import type { EvtLog, PersistedEvt } from '../../log/evt-log.js'
import { MemoryEvtLog } from '../../memory/memory-evt-log.js'
import type { EvtLogSubject } from '../evt-log/fixture.js'
import { evtLogSuite } from '../evt-log-suite.js'
import type { SuiteCase } from '../suite-case.js'

/** What a log does otherwise than the sound one beneath it. */
export type Otherwise = (sound: EvtLog) => Partial<EvtLog>

/** A way for a log to be broken. */
export interface Flaw {
  /** Ends the sentence "a log that …". */
  readonly flaw: string
  readonly otherwise: Otherwise
  /** The names of cases that must fail. */
  readonly caughtBy: readonly string[]
  /** Whether these cases fail at their deadline, since what they wait for never comes. */
  readonly hangs?: boolean
}

/** Creates subjects whose logs are sound memory logs, but for what they do otherwise. */
export function createOtherwise(otherwise: Otherwise): () => Promise<EvtLogSubject> {
  return async () => {
    const first = new MemoryEvtLog()
    const opened: EvtLog[] = []
    const reads = { open: 0 }
    const open = (memory: MemoryEvtLog) => {
      const sound = countingReads(memory, reads)
      opened.push(sound)
      return { ...sound, ...otherwise(sound) }
    }
    return {
      log: open(first),
      reopen: async () => open(new MemoryEvtLog({ storageOf: first })),
      close: async () => {
        for (const log of opened) await log.close()
      },
      openReads: () => reads.open,
    }
  }
}

function countingReads(log: EvtLog, reads: { open: number }): EvtLog {
  async function* counted<Item>(items: AsyncIterable<Item>): AsyncIterable<Item> {
    reads.open++
    try {
      yield* items
    } finally {
      reads.open--
    }
  }
  return {
    ...faceOf(log),
    ...readsAs(log, counted),
    ids: (typeName, options) => counted(log.ids(typeName, options)),
  }
}

/** A log as an object that can be spread. */
export function faceOf(log: EvtLog): EvtLog {
  return {
    persist: (append) => log.persist(append),
    head: (key) => log.head(key),
    headPosition: (options) => log.headPosition(options),
    evtsById: (key, options) => log.evtsById(key, options),
    evtsByType: (typeName, options) => log.evtsByType(typeName, options),
    ids: (typeName, options) => log.ids(typeName, options),
    deleteEvts: (key, toSeqNo) => log.deleteEvts(key, toSeqNo),
    close: () => log.close(),
  }
}

/** Both kinds of reads, changed alike. */
export function readsAs(
  log: EvtLog,
  change: (evts: AsyncIterable<PersistedEvt>) => AsyncIterable<PersistedEvt>,
): Pick<EvtLog, 'evtsById' | 'evtsByType'> {
  return {
    evtsById: (key, options) => change(log.evtsById(key, options)),
    evtsByType: (typeName, options) => change(log.evtsByType(typeName, options)),
  }
}

/** Both kinds of reads, each event changed. */
export function evtsAs(
  log: EvtLog,
  change: (evt: PersistedEvt) => PersistedEvt,
): Pick<EvtLog, 'evtsById' | 'evtsByType'> {
  return readsAs(log, async function* (evts) {
    for await (const evt of evts) yield change(evt)
  })
}

const HANGING_MS = 300

/** That each case named fails on the flawed log, and not merely at its deadline. */
export async function assertCaught({ otherwise, caughtBy, hangs = false }: Omit<Flaw, 'flaw'>): Promise<void> {
  for (const name of caughtBy) {
    const { run } = caseNamed(evtLogSuite, name)
    const deadline = hangs ? { deadlineMs: HANGING_MS } : {}
    await assert.rejects(run(createOtherwise(otherwise), deadline), (error: Error) => {
      assert.equal(error.message.includes('is not done after'), hangs, `${name}: ${error.message}`)
      return true
    })
  }
}

export function caseNamed<Case extends SuiteCase<never>>(suite: readonly Case[], name: string): Case {
  const found = suite.find((one) => one.name === name)
  assert.ok(found, `no case is named "${name}"`)
  return found
}
