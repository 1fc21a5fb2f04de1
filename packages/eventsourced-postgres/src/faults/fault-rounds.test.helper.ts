import { randomInt } from 'node:crypto'
import type { PoolConfig } from 'pg'
import {
  type AppendProcess,
  type Direction,
  type PostgresServer,
  startPostgres,
  startTcpProxy,
  type TcpProxy,
} from 'eventsourced-tools'
import { backends, terminate, until, withClient } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'
import { expectAllRead, startReader } from './reader.test.helper.js'
import { startWriter } from './writers.test.helper.js'

const WRITES = "query LIKE '%append%'"
const WAITS_FOR_LOCK = `${WRITES} AND wait_event_type = 'Lock'`

/** A server, a proxy before it, and a process that writes through it. */
interface World {
  readonly server: PostgresServer
  readonly proxy: TcpProxy
  readonly writer: AppendProcess
}

/** What is done to them. `kills` tells that the writer is to be replaced by another one. */
export interface Fault {
  readonly kills?: true
  readonly happens: (world: World) => Promise<unknown>
}

/** All that befalls a server, a client and what is between them. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'a server killed with -9': {
    happens: async ({ server }) => {
      await server.kill('SIGKILL')
      await server.start()
    },
  },
  // What pg_ctl stop -m immediate sends.
  'a server stopped in immediate mode': {
    happens: async ({ server }) => {
      await server.kill('SIGQUIT')
      await server.start()
    },
  },
  'backends that are terminated': {
    happens: ({ server }) =>
      withClient(server, async (admin) => {
        const inTheMiddle = `${WRITES} AND state = 'active'`
        await until('a backend is terminated', async () => (await terminate(admin, inTheMiddle)) > 0)
      }),
  },
  'connections that are cut': { happens: async ({ proxy }) => proxy.cut() },
  'a connection that is cut before what it sends arrives': { happens: ({ proxy }) => cutOnce(proxy, 'request') },
  'a connection that is cut before the COMMIT is answered': { happens: ({ proxy }) => cutOnce(proxy, 'answer') },
  'a client killed with -9': { kills: true, happens: ({ writer }) => writer.kill() },
  'a client killed with -9 while its backend waits for a lock': {
    kills: true,
    happens: ({ server, writer }) =>
      withClient(server, async (holder) => {
        await holder.query('BEGIN')
        await holder.query('LOCK TABLE eventsourced.events IN SHARE MODE')
        await withClient(server, (admin) => until('it waits', async () => (await backends(admin, WAITS_FOR_LOCK)) > 0))
        await writer.kill()
      }),
  },
}

/** Cuts the connection on which the next bytes of a direction come, in their place. */
async function cutOnce(proxy: TcpProxy, where: Direction): Promise<void> {
  let isCut = false
  proxy.rule((_, direction) => {
    const isIt = !isCut && direction === where
    isCut ||= isIt
    return isIt ? 'cut' : 'pass'
  })
  await until('it is cut', () => isCut)
  proxy.rule()
}

/**
 * Has faults happen, one after another, while a process writes and another reads; after each the writer gets on by itself, or its successor does.
 * In the end every event that was acknowledged is there, none is there twice, and the reader has seen each once and in order.
 */
export async function faultRounds(faults: readonly Fault[]): Promise<void> {
  const server = await startPostgres()
  const proxy = await startTcpProxy(server)
  const config = { connection: connectionThrough(server, proxy) }
  const writers: AppendProcess[] = []
  try {
    await (await PostgresEvtLog.create({ connection: server, setup: true })).close()
    const reader = await startReader(server)
    let writer = startWriter({ config, logs: 2, entities: 5 })
    writers.push(writer)
    for (const { happens, kills } of faults) {
      await writer.acknowledgesMore(20 + randomInt(100))
      await happens({ server, proxy, writer })
      if (kills !== true) continue
      writer = startWriter({ config, logs: 2, entities: 5 })
      writers.push(writer)
    }
    await writer.acknowledgesMore(50)
    await writer.stop()
    await expectAllRead(reader, writers)
  } finally {
    await Promise.all(writers.map((one) => one.kill()))
    await proxy.close()
    await server.stop()
  }
}

function connectionThrough({ host, user, password, database }: PostgresServer, { port }: TcpProxy): PoolConfig {
  return { host, port, user, password, database }
}
