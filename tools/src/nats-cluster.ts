import { freePort } from './free-port.js'
import { type NatsServer, startNatsServer } from './nats-server.js'

/** Three running nats-servers that are one cluster, with JetStream. */
export interface NatsCluster {
  readonly servers: readonly NatsServer[]
  /** For `connect({ servers: urls })`. */
  readonly urls: readonly string[]
  /** The server of a name, as the cluster tells it: `n1`, `n2` or `n3`. @throws {Error} if there is none */
  server(name: string): NatsServer
  /** Stops all, those too that were killed. */
  stop(): Promise<void>
}

const NAMES = ['n1', 'n2', 'n3']

/**
 * Starts three nats-servers on 127.0.0.1 as one cluster. JetStream has no leader for a moment yet: try until it answers.
 *
 * @example
 * const cluster = await startNatsCluster()
 * const connection = await connect({ servers: [...cluster.urls] })
 * …
 * await cluster.stop()
 */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = await differentPorts(NAMES.length)
  const routes = ports.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ')
  const starting = NAMES.map((name, index) =>
    startNatsServer({
      config: [
        `server_name: ${name}`,
        `cluster { name: "eventsourced", listen: "127.0.0.1:${ports[index]}", routes: [${routes}] }`,
      ].join('\n'),
    }),
  )
  const started = await Promise.allSettled(starting)
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw new Error('a server of the cluster did not start', { cause: failed.reason })
  }
  return {
    servers,
    urls: servers.map(({ url }) => url),
    server: (name) => {
      const server = servers[NAMES.indexOf(name)]
      if (server === undefined) throw new Error(`no server is called ${name}`)
      return server
    },
    stop,
  }
}

async function differentPorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}
