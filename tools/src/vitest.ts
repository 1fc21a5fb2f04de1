import { inject } from 'vitest'
import { createDatabase, type PostgresConnection } from './postgres.js'
import type { Shared } from './vitest-context.js'

/**
 * Creates an empty database on the PostgreSQL that all test files of a run share.
 *
 * That server doesn't sync to the disk and nobody may stop it: start another one to measure or to break it.
 *
 * @example
 * const pool = new pg.Pool(await testPostgres())
 */
export async function testPostgres(): Promise<PostgresConnection> {
  return createDatabase(server(inject('sharedPostgres')))
}

/**
 * The URL of the nats-server that all test files of a run share: name streams and buckets so that nobody else does.
 *
 * @example
 * const connection = await connect({ servers: testNats() })
 */
export function testNats(): string {
  return server(inject('sharedNats'))
}

function server<T>(shared: Shared<T>): T {
  if ('error' in shared) throw new Error(shared.error)
  return shared.server
}
