import { PostgresEvtLog } from 'eventsourced-postgres'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connected, groupedInserts } from './bare-inserts.js'
import { closedLoop, entitiesOf, type Latencies, openLoop } from './load.js'

/** Appends to the log, or bare inserts of what waits: without the lock by which the log's positions are in order, or with one like it. */
export type Way = 'log' | 'bare' | 'locked'

/** Rounds of a load, one behind the other: of so many entities each in a closed loop, or of so many appends a second each in an open one. */
export interface Rounds {
  readonly loop: 'closed' | 'open'
  readonly of: readonly number[]
  readonly ms: number
}

const SCRIPT = fileURLToPath(import.meta.url)

/**
 * Runs a load from a process of its own, as a service is one: what ran before in a process, its garbage and what was compiled for that, would be in
 * the way. Answers with the latencies of each round.
 */
export async function apart(connectionString: string, way: Way, { loop, of, ms }: Rounds): Promise<Latencies[]> {
  const args = [SCRIPT, connectionString, way, loop, ...[ms, ...of].map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [perSecond = Number.NaN, p50 = Number.NaN, p99 = Number.NaN] = line.split(' ').map(Number)
      return { perSecond, p50, p99 }
    })
}

/** Appends a second of so many processes on one database together, with 1,000 entities among them. */
export async function processesTogether(connectionString: string, processes: number, way: Way): Promise<number> {
  const rounds = { loop: 'closed', of: [1_000 / processes], ms: 2_500 } as const
  const all = await Promise.all(Array.from({ length: processes }, () => apart(connectionString, way, rounds)))
  return all.flat().reduce((sum, { perSecond }) => sum + perSecond, 0)
}

// Run by `apart`, it is the process.
if (process.argv[1] === SCRIPT) {
  const [, , connectionString = '', way, loop, ms, ...of] = process.argv
  const evtLog = await PostgresEvtLog.create({ connection: { connectionString } })
  const client = await connected({ connectionString })
  const newEntity = way === 'log' ? entitiesOf(evtLog) : groupedInserts(client, { isUnderLock: way === 'locked' })
  const run = loop === 'open' ? openLoop : closedLoop
  for (const each of of) {
    const { perSecond, p50, p99 } = await run(newEntity, Number(each), Number(ms))
    process.stdout.write(`${perSecond} ${p50} ${p99}\n`)
  }
  await client.end()
  await evtLog.close()
}
