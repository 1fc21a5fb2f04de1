import { PostgresEvtLog, PostgresSnapshotStore } from 'eventsourced-postgres'
import { startPostgres } from 'eventsourced-tools'
import { type PostgresConfig, type PostgresServerConfig, readPostgresConfig } from './config/config.js'
import { type Program, runProgram } from './program.js'
import { repositoryPath } from './repository-path.js'
import { runOn } from './runner/run-on.js'
import type { Outcome } from './runner/runner.js'

await runProgram(async (program) => {
  const config = readPostgresConfig(program.env)
  if (config.evtLog.host !== undefined) return runCounters(config, config.evtLog, program)

  const postgres = await startPostgres({ dataDir: repositoryPath(config.evtLog.dataDir) })
  try {
    const { host, port, user, password, database: dbname } = postgres
    return await runCounters(config, { host, port, user, password, dbname }, program)
  } finally {
    await postgres.stop()
  }
})

function runCounters(config: PostgresConfig, server: PostgresServerConfig, program: Program): Promise<Outcome> {
  const { output, logger, signal } = program
  const storeServer = config.snapshotStore.host === undefined ? server : config.snapshotStore
  output.write(`Events in ${urlOf(server)}, snapshots in ${urlOf(storeServer)}\n`)
  const backend = {
    openEvtLog: () => PostgresEvtLog.create({ connection: connectionTo(server), setup: true, logger }),
    openSnapshotStore: () =>
      PostgresSnapshotStore.create({ connection: connectionTo(storeServer), setup: true, logger }),
  }
  return runOn(backend, { config: config.counter, output, logger, signal })
}

function connectionTo({ host, port, user, password, dbname }: PostgresServerConfig) {
  return { host, port, user, password, database: dbname }
}

/** Where psql finds it. */
function urlOf({ host, port = 5432, user, dbname = '' }: PostgresServerConfig): string {
  return `postgresql://${user === undefined ? '' : `${user}@`}${host}:${port}/${dbname}`
}
