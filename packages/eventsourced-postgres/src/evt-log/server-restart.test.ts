import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, type PersistedEvt } from 'eventsourced'
import { type PostgresServer, startPostgres } from 'eventsourced-tools'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect, newAppend, newKey, until, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let server: PostgresServer
let log: PostgresEvtLog

beforeEach(async () => {
  server = await startPostgres()
  log = await PostgresEvtLog.create({ connection: server, setup: true, appendTimeoutMs: 60_000 })
})

afterEach(async () => {
  await log.close()
  await server.stop()
})

/** Appends event after event, each again until it is acknowledged; answers with the positions. */
async function write(count: number, onStored: () => void): Promise<number[]> {
  const positions: number[] = []
  const key = newKey()
  let expected = ZERO
  while (positions.length < count) {
    const append = newAppend(key, expected)
    for (let isStored = false; !isStored; ) {
      try {
        expected = (await log.persist(append)).head
        isStored = true
      } catch (error) {
        if (!hasCode(error, 'UNAVAILABLE')) throw error
        await sleep(20)
      }
    }
    positions.push(expected.position)
    onStored()
  }
  return positions
}

test.each(['SIGQUIT', 'SIGINT', 'SIGKILL'] as const)(
  'a server that gets %s under load and is started again has each acknowledged event once, and live reads go on',
  async (signal) => {
    let stored = 0
    const seen: PersistedEvt[] = []
    const over = new AbortController()
    const reading = (async () => {
      for await (const evt of log.evtsByType('counter', { live: true, signal: over.signal })) seen.push(evt)
    })()
    const writers = Promise.all(Array.from({ length: 20 }, () => write(100, () => stored++)))
    await until('there is load', () => stored > 300)
    await server.kill(signal)
    await server.start()
    const known = (await writers).flat().sort((left, right) => left - right)
    expect((await collect(log.evtsByType('counter'))).map(({ position }) => position)).toEqual(known)
    await until('the live read has seen all', () => seen.length >= known.length)
    expect(seen.map(({ position }) => position)).toEqual(known)
    over.abort(new Error('seen enough'))
    await expect(reading).rejects.toThrow('seen enough')
  },
)
