import { PostgresEvtLog, PostgresSnapshotStore } from 'eventsourced-postgres'
import { Pool } from 'pg'
import { type PostgresConfig, type PostgresServerConfig, readPostgresConfig } from './config/config.js'
import { type Program, runProgram } from './program.js'
import { report } from './runner/report.js'
import { runOn } from './runner/run-on.js'
import { startTotals } from './totals/postgres-totals.js'
import { connectionTo, withPostgres } from './with-postgres.js'

await runProgram((program) => {
  const config = readPostgresConfig(program.env)
  return withPostgres(config, (server) => runCounters(config, server, program))
})

async function runCounters(config: PostgresConfig, server: PostgresServerConfig, program: Program): Promise<string> {
  const { output, logger, signal } = program
  const storeServer = config.snapshotStore.host === undefined ? server : config.snapshotStore
  output.write(`Events in ${urlOf(server)}, snapshots in ${urlOf(storeServer)}\n`)
  const pool = new Pool({ ...connectionTo(server), connectionTimeoutMillis: 10_000 })
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection was lost'))
  const backend = {
    openEvtLog: () => PostgresEvtLog.create({ connection: connectionTo(server), setup: true, logger }),
    openSnapshotStore: () =>
      PostgresSnapshotStore.create({ connection: connectionTo(storeServer), setup: true, logger }),
    startReadSide: startTotals.bind(undefined, pool),
  }
  try {
    return report(await runOn(backend, { config: config.counter, output, logger, signal }))
  } finally {
    await pool.end()
  }
}

/** Where psql finds it. */
function urlOf({ host, port = 5432, user, dbname = '' }: PostgresServerConfig): string {
  return `postgresql://${user === undefined ? '' : `${user}@`}${host}:${port}/${dbname}`
}
