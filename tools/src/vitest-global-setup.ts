import { inspect } from 'node:util'
import type { TestProject } from 'vitest/node'
import { startNatsServer } from './nats-server.js'
import { type PostgresConnection, startPostgres } from './postgres.js'

/** Starts one PostgreSQL and one nats-server for all test files of a run; returns what stops them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // What the tests write goes when they end: syncing it to the disk would only make them slower.
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' }
  const [postgres, nats] = await Promise.allSettled([startPostgres({ settings }), startNatsServer()])
  project.provide(
    'sharedPostgres',
    postgres.status === 'fulfilled' ? { server: connectionOf(postgres.value) } : { error: inspect(postgres.reason) },
  )
  project.provide(
    'sharedNats',
    nats.status === 'fulfilled' ? { server: nats.value.url } : { error: inspect(nats.reason) },
  )
  return async () => {
    const servers = [postgres, nats].flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    await Promise.all(servers.map((server) => server.stop()))
  }
}

/** What can be told to another process. */
function connectionOf({ host, port, user, password, database }: PostgresConnection): PostgresConnection {
  return { host, port, user, password, database }
}
