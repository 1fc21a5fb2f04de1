import { PostgresEvtLog } from 'eventsourced-postgres'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connected, groupedInserts } from './bare-inserts.js'
import { closedLoop, entitiesOf } from './load.js'

const MS = 2_500

/**
 * Appends a second of so many processes on one database together, with 1,000 entities among them: to the log, or as bare inserts, without the lock by
 * which the log's positions are in order.
 */
export async function processesTogether(
  connectionString: string,
  processes: number,
  way: 'log' | 'bare',
): Promise<number> {
  const script = fileURLToPath(import.meta.url)
  const args = [script, connectionString, String(1_000 / processes), way]
  const rates = await Promise.all(
    Array.from({ length: processes }, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, args)
      return Number(stdout)
    }),
  )
  return rates.reduce((sum, rate) => sum + rate, 0)
}

// Run by processesTogether, it is one of the processes.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , connectionString = '', entities, way] = process.argv
  const evtLog = await PostgresEvtLog.create({ connection: { connectionString } })
  const client = await connected({ connectionString })
  const newEntity = way === 'bare' ? groupedInserts(client) : entitiesOf(evtLog)
  const { perSecond } = await closedLoop(newEntity, Number(entities), MS)
  await client.end()
  await evtLog.close()
  process.stdout.write(String(perSecond))
}
