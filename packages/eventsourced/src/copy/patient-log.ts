import { backOff } from '../entity/back-off.js'
import { hasCode } from '../errors.js'
import type { EvtLog } from '../log/evt-log.js'

/** How long one thing is tried again, and what ends that. */
export interface Patience {
  readonly unavailableTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** What copying needs of a log. All of it may be repeated at will. */
export type PatientLog = Pick<EvtLog, 'persist' | 'head' | 'deleteEvts' | 'evtsById' | 'evtsByType'>

/**
 * A log that is not put off by being unavailable, nor by lost answers: the very same call is made again, and a read goes on behind the last event
 * that it brought.
 */
export function patient(log: EvtLog, patience: Patience): PatientLog {
  return {
    persist: (append) => insist(patience, () => log.persist(append)),
    head: (key) => insist(patience, () => log.head(key)),
    deleteEvts: (key, toSeqNo) => insist(patience, () => log.deleteEvts(key, toSeqNo)),
    evtsById: (key, options) =>
      readOn(patience, (last) => log.evtsById(key, last ? { ...options, from: last.seqNo + 1 } : options)),
    evtsByType: (typeName, options) =>
      readOn(patience, (last) => log.evtsByType(typeName, last ? { ...options, after: last.position } : options)),
  }
}

async function insist<Result>(patience: Patience, call: () => Promise<Result>): Promise<Result> {
  const attempts = new Attempts(patience)
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(await attempts.goOnAfter(error))) throw error
    }
  }
}

/** Reads, behind the last event that was read if there is one. */
async function* readOn<Evt>(
  patience: Patience,
  read: (last: Evt | undefined) => AsyncIterable<Evt>,
): AsyncGenerator<Evt, void, void> {
  let last: Evt | undefined
  for (let attempts = new Attempts(patience); ; ) {
    try {
      for await (const evt of read(last)) {
        if (attempts.failed) attempts = new Attempts(patience)
        last = evt
        yield evt
      }
      return
    } catch (error) {
      if (!(await attempts.goOnAfter(error))) throw error
    }
  }
}

/** The attempts at one thing. */
class Attempts {
  readonly #patience: Patience
  #count = 0
  #deadline = Infinity

  constructor(patience: Patience) {
    this.#patience = patience
  }

  get failed(): boolean {
    return this.#count > 0
  }

  /** Waits before the next attempt, longer each time. @returns whether there is to be one */
  async goOnAfter(error: unknown): Promise<boolean> {
    const { unavailableTimeoutMs, signal } = this.#patience
    const mayPass = hasCode(error, 'UNAVAILABLE') || hasCode(error, 'UNCERTAIN')
    if (!this.failed) this.#deadline = performance.now() + unavailableTimeoutMs
    if (!mayPass || signal?.aborted === true || performance.now() >= this.#deadline) return false
    await backOff({ start: 20, max: 2_000 }, this.#count++)
    return true
  }
}
