import { startPostgres } from 'eventsourced-tools'
import type { PostgresConfig, PostgresServerConfig } from './config/config.js'
import { repositoryPath } from './repository-path.js'

/** Does something with the server that is configured, or with one that is started for it, on the data of the runs before. */
export async function withPostgres<Result>(
  config: PostgresConfig,
  action: (server: PostgresServerConfig) => Promise<Result>,
): Promise<Result> {
  if (config.evtLog.host !== undefined) return action(config.evtLog)
  const postgres = await startPostgres({ dataDir: repositoryPath(config.evtLog.dataDir) })
  try {
    const { host, port, user, password, database: dbname } = postgres
    return await action({ host, port, user, password, dbname })
  } finally {
    await postgres.stop()
  }
}

/** How pg connects to a server. */
export function connectionTo({ host, port, user, password, dbname }: PostgresServerConfig) {
  return { host, port, user, password, database: dbname }
}
