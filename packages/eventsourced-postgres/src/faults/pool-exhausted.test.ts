import type { Head } from 'eventsourced'
import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool, type PoolClient } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect, newAppend, newKey, until, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

const ENTITIES = 60
const EVTS = 10
const CONNECTIONS = 3

let connection: PostgresConnection
let pool: Pool

beforeEach(async () => {
  connection = await testPostgres()
  pool = new Pool({ ...connection, max: CONNECTIONS })
})
afterEach(() => pool.end())

/** How appends ended that were told that nothing is stored. */
interface Refusal {
  readonly error: unknown
  readonly tookMs: number
}

/** An entity that appends its events one by one, each for as long as it takes. */
async function appendAll(log: PostgresEvtLog, refusals: Refusal[]): Promise<void> {
  const key = newKey()
  let expected: Head = ZERO
  while (expected.seqNo < EVTS) {
    const append = newAppend(key, expected)
    for (let head: Head | undefined; head === undefined; expected = head ?? expected) {
      const start = performance.now()
      head = await log.persist(append).then(
        (persisted) => persisted.head,
        (error: unknown) => void refusals.push({ error, tookMs: performance.now() - start }),
      )
    }
  }
}

/** Takes every connection of the pool, as soon as each is free. */
function takeAll(): Promise<PoolClient[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => pool.connect()))
}

function giveBack(taken: readonly PoolClient[]): void {
  for (const client of taken) client.release()
}

async function expectStoredOnce(log: PostgresEvtLog): Promise<void> {
  const seqNos = (await collect(log.evtsByType('counter'))).map(({ seqNo }) => seqNo)
  const expected = Array.from({ length: EVTS * ENTITIES }, (_, nth) => Math.floor(nth / ENTITIES) + 1)
  expect(seqNos.sort((left, right) => left - right)).toEqual(expected)
}

test('while others hold all of a pool for long, appends under load are unavailable at the bound, and each is stored once in the end', async () => {
  const appendTimeoutMs = 1_000
  const log = await PostgresEvtLog.create({ pool, setup: true, appendTimeoutMs })
  const refusals: Refusal[] = []
  const entities = Promise.all(Array.from({ length: ENTITIES }, () => appendAll(log, refusals)))
  const taken = await takeAll()
  await until('each entity has been told', () => refusals.length >= ENTITIES)
  giveBack(taken)
  await entities
  for (const { error, tookMs } of refusals) {
    expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    // What came while an attempt was made waits for that, too.
    expect(tookMs).toBeGreaterThan(appendTimeoutMs - 50)
    expect(tookMs).toBeLessThan(5 * appendTimeoutMs)
  }
  await expectStoredOnce(log)
  await log.close()
  expect(pool.idleCount).toBe(pool.totalCount)
})

test('while others hold all of a pool for moments, over and over, every append is stored once, and nobody hears of it', async () => {
  const log = await PostgresEvtLog.create({ pool, setup: true })
  const refusals: Refusal[] = []
  const over = new AbortController()
  const entities = Promise.all(Array.from({ length: ENTITIES }, () => appendAll(log, refusals)))
  const ended = entities.finally(() => over.abort())
  let times = 0
  while (!over.signal.aborted) {
    const taken = await takeAll()
    await until('an append waits for a connection', () => over.signal.aborted || pool.waitingCount > 0)
    giveBack(taken)
    times++
  }
  await ended
  expect(times).toBeGreaterThan(1)
  expect(refusals).toEqual([])
  await expectStoredOnce(log)
  await log.close()
})
