// A program that appends until it is told to stop, for tests that kill it or what it writes to: node writer.test.fixture.js <options as JSON>.
// It prints a line for each event that was acknowledged: its entity, seqNo, position and payload. It stops when its input ends.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Append, appendIds, type EntityKey, entityKey, hasCode, type Head, type Persisted } from 'eventsourced'
import { PostgresEvtLog, type PostgresEvtLogConfig } from '../index.js'

/** What a writer is told. */
export interface WriterOptions {
  readonly config: Extract<PostgresEvtLogConfig, { readonly connection: object }>
  /** How many logs it opens, each with its own connections. */
  readonly logs: number
  /** How many entities each log writes to at once. */
  readonly entities: number
  /** How long each entity waits between two appends, in milliseconds; not at all by default. */
  readonly pauseMs?: number
}

const over = new AbortController()

async function write(log: PostgresEvtLog, key: EntityKey, pauseMs: number): Promise<void> {
  const nextAppendId = appendIds()
  let expected: Head = { seqNo: 0, position: 0 }
  while (!over.signal.aborted) {
    const groups = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => [
      { type: 'Written', version: 1, bytes: Buffer.from(randomUUID()), metadata: {} },
    ])
    const append = { key, expected, appendId: nextAppendId(), groups }
    const persisted = await persist(log, append)
    if (persisted === undefined) return
    for (const [nth, position] of persisted.positions.entries()) {
      const payload = Buffer.from(groups[nth]?.[0]?.bytes ?? '').toString()
      process.stdout.write(`${key.id} ${expected.seqNo + nth + 1} ${position} ${payload}\n`)
    }
    expected = persisted.head
    if (pauseMs > 0) await sleep(pauseMs)
  }
}

/** Sends the very same until it is known what became of it; nothing if the program is told to stop before. */
async function persist(log: PostgresEvtLog, append: Append): Promise<Persisted | undefined> {
  while (!over.signal.aborted) {
    try {
      return await log.persist(append)
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE') && !hasCode(error, 'UNCERTAIN')) throw error
      process.stderr.write(`${error.code}: ${error.message}\n`)
      await sleep(20)
    }
  }
  return undefined
}

async function open(config: WriterOptions['config']): Promise<PostgresEvtLog> {
  for (;;) {
    try {
      return await PostgresEvtLog.create(config)
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      await sleep(20)
    }
  }
}

function isOptions(value: unknown): value is WriterOptions {
  return typeof value === 'object' && value !== null && 'config' in value && 'logs' in value && 'entities' in value
}

const options: unknown = JSON.parse(process.argv[2] ?? '')
if (!isOptions(options)) throw new Error(`no options: ${process.argv[2]}`)
const { config, logs, entities, pauseMs = 0 } = options
process.stdin.on('end', () => over.abort()).resume()
await Promise.all(
  Array.from({ length: logs }, async () => {
    const log = await open(config)
    const keys = Array.from({ length: entities }, () => entityKey('counter', randomUUID()))
    await Promise.all(keys.map((key) => write(log, key, pauseMs)))
    await log.close()
  }),
)
