import { PostgresEvtLog, PostgresOffsetStore } from 'eventsourced-postgres'
import { Projections } from 'eventsourced'
import { Pool } from 'pg'
import { type PostgresServerConfig, readPostgresConfig } from './config/config.js'
import { runProgram } from './program.js'
import { createCounterValues, lineOf, readTotals } from './totals/counter-values.js'
import { TOTALS } from './totals/postgres-totals.js'
import { connectionTo, withPostgres } from './with-postgres.js'

await runProgram(({ env }) => withPostgres(readPostgresConfig(env), showTotals))

/** What the read model says, without asking a counter or reading an event; and whether there are events that it has not seen yet. */
async function showTotals(server: PostgresServerConfig): Promise<string> {
  const pool = new Pool(connectionTo(server))
  try {
    await createCounterValues(pool)
    const evtLog = await PostgresEvtLog.create({ pool, setup: true })
    const offsetStore = await PostgresOffsetStore.create({ pool, setup: true })
    const projections = new Projections({ offsetStore, evtLog })
    const known = (await projections.list()).some(({ name }) => name === TOTALS.name)
    const lag = known ? (await projections.of(TOTALS).status()).lag.positions : 0
    const totals = await readTotals(pool)
    await offsetStore.close()
    await evtLog.close()
    const behind =
      lag === 0
        ? 'and has seen all events'
        : `and is ${lag.toLocaleString('en')} positions behind the log: the next run catches up`
    return `Read model ${lineOf(totals)}\n           ${behind}\n`
  } finally {
    await pool.end()
  }
}
