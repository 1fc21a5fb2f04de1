import type { PersistedEvt } from 'eventsourced'
import { type AppendProcess, checkAcknowledged } from 'eventsourced-tools'
import type { PoolConfig } from 'pg'
import { expect } from 'vitest'
import { collect, until } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

/** A live read of all that is written, from the beginning to the end of a test. */
export interface Reader {
  /** How many events it has seen. */
  readonly count: number
  /** Waits until it has seen so many more. */
  seesMore(count: number): Promise<void>
  /** Waits until it has seen as many as are stored by now, and ends it. Answers with what it saw, and with what is stored. */
  finish(): Promise<{ readonly seen: readonly PersistedEvt[]; readonly stored: readonly PersistedEvt[] }>
}

/** Begins to read. */
export async function startReader(connection: PoolConfig): Promise<Reader> {
  const log = await PostgresEvtLog.create({ connection })
  const over = new AbortController()
  const seen: PersistedEvt[] = []
  const reading = (async () => {
    for await (const evt of log.evtsByType('counter', { live: true, signal: over.signal })) seen.push(evt)
  })()
  reading.catch(() => undefined)
  return {
    get count() {
      return seen.length
    },
    seesMore: async (count) => {
      const wanted = seen.length + count
      await until(`the reader has seen ${wanted} events`, () => seen.length >= wanted)
    },
    finish: async () => {
      const stored = await collect(log.evtsByType('counter'))
      await until('the reader has seen all', () => seen.length >= stored.length)
      over.abort(new Error('seen enough'))
      await expect(reading).rejects.toThrow('seen enough')
      await log.close()
      return { seen, stored }
    },
  }
}

/**
 * Proves that a reader has seen each event once and in order, and that each one that was acknowledged is there, where its writer was told, and none
 * twice.
 */
export async function expectAllRead(reader: Reader, writers: readonly AppendProcess[]): Promise<void> {
  const { seen, stored } = await reader.finish()
  expect(seen.map(({ position }) => position)).toEqual(stored.map(({ position }) => position))
  checkAcknowledged(
    writers.flatMap(({ acknowledged }) => [...acknowledged]),
    stored.map(({ key, seqNo, position, bytes }) => ({
      id: key.id,
      seqNo,
      position,
      payload: Buffer.from(bytes).toString(),
    })),
  )
  const firsts = stored.filter(({ seqNo }) => seqNo === 1)
  expect(firsts.length, 'each entity begins with its first event').toBe(new Set(stored.map(({ key }) => key.id)).size)
}
