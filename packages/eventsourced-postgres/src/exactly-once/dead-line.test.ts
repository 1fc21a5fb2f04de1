import { randomUUID } from 'node:crypto'
import { startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { until } from '../fixture.test.helper.js'
import { exactlyOnce } from '../index.js'
import { apply, type Noted, Notes, patiently, upTo } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

interface Line {
  readonly proxy: TcpProxy
  readonly pool: Pool
}

async function newLine(): Promise<Line> {
  const proxy = await startTcpProxy({ port: notes.connection.port })
  const pool = new Pool({ ...notes.connection, host: '127.0.0.1', port: proxy.port, max: 4 })
  pool.on('error', () => undefined)
  onTestFinished(async () => {
    await proxy.close()
    await pool.end()
  })
  return { proxy, pool }
}

/** Swallows answers to a statement, as a line does that died without a word. @returns how many */
function swallow(proxy: TcpProxy, statement: string, times: number): () => number {
  let swallowed = 0
  let isDue = false
  proxy.rule((bytes, direction) => {
    if (direction === 'request') {
      isDue ||= bytes.includes(statement)
      return 'pass'
    }
    if (!isDue || swallowed === times) return 'pass'
    isDue = false
    swallowed += 1
    return 'drop'
  })
  return () => swallowed
}

const TIMES = 2

test.each([
  ['BEGIN', 'BEGIN'],
  ['the move of the offset and COMMIT', '_commit_slices"('],
])('a connection that dies without a word at %s is given up, and each event applied once', async (_, statement) => {
  const { proxy, pool } = await newLine()
  const handler = exactlyOnce<Noted>(pool, apply, { timeoutMs: 300, leaseTtlMs: 1_000, preparedStatements: false })
  const projection = await notes.start(handler)
  const id = randomUUID()
  await projection.reached(await notes.note(id))
  const swallowed = swallow(proxy, statement, TIMES)
  for (let time = 0; time <= TIMES; time++) await projection.reached(await notes.note(id), patiently())
  expect(swallowed()).toBe(TIMES)
  expect(await notes.applied(id)).toEqual(upTo(TIMES + 2))
})

test('a projection whose line has died stops all the same', async () => {
  const { proxy, pool } = await newLine()
  const projection = await notes.start(exactlyOnce<Noted>(pool, apply, { timeoutMs: 300, leaseTtlMs: 1_000 }))
  const id = randomUUID()
  await projection.reached(await notes.note(id))
  const swallowed = swallow(proxy, 'COMMIT\0', Number.POSITIVE_INFINITY)
  await notes.note(id)
  await until('an answer to COMMIT is lost', () => swallowed() > 0)
  await expect(projection.stop()).resolves.toBeUndefined()
})
