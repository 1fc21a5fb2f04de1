import { randomUUID } from 'node:crypto'
import { freePort } from './free-port.js'
import { type NatsServer, startNatsServer } from './nats-server.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'

/** Three running nats-servers that are one cluster, with JetStream. */
export interface NatsCluster {
  readonly servers: readonly NatsServer[]
  /** For `connect({ servers: urls })`. */
  readonly urls: readonly string[]
  /** The server of a name, as the cluster tells it: `n1`, `n2` or `n3`. @throws {Error} if there is none */
  server(name: string): NatsServer
  /** Cuts a server off from the other two, as a broken network does: its clients stay connected. Needs `proxied`. */
  cutOff(name: string): Promise<void>
  /** Joins a server that was cut off to the others again. */
  heal(name: string): Promise<void>
  /** Stops all, those too that were killed. */
  stop(): Promise<void>
}

export interface NatsClusterOptions {
  /** Whether the servers reach one another through proxies, so that one can be cut off. */
  readonly proxied?: boolean
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
export async function startNatsCluster({ proxied = false }: NatsClusterOptions = {}): Promise<NatsCluster> {
  // Servers of another cluster that come to listen where these look for one another are turned away by it.
  const cluster = `eventsourced-${randomUUID()}`
  const ports = await differentPorts(NAMES.length)
  const ways = proxied ? await startWays(ports) : []
  const closeWays = async () => {
    await Promise.all(ways.map(({ proxy }) => proxy.close()))
  }
  const starting = NAMES.map(async (name, index) =>
    startNatsServer({
      config: clusterConfig({ cluster, name, port: ports[index] ?? 0 }, await routesOf(index, ports, ways)),
    }),
  )
  const started = await Promise.allSettled(starting)
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await closeWays()
  }
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw new Error('a server of the cluster did not start', { cause: failed.reason })
  }
  const waysOf = (name: string) => {
    if (!proxied) throw new Error('only a cluster that was started with `proxied` can be parted')
    const index = NAMES.indexOf(name)
    return ways.filter(({ from, to }) => from === index || to === index).map(({ proxy }) => proxy)
  }
  return {
    servers,
    urls: servers.map(({ url }) => url),
    server: (name) => {
      const server = servers[NAMES.indexOf(name)]
      if (server === undefined) throw new Error(`no server is called ${name}`)
      return server
    },
    cutOff: async (name) => {
      for (const proxy of waysOf(name)) {
        await proxy.refuse()
        proxy.cut()
      }
    },
    heal: async (name) => {
      for (const proxy of waysOf(name)) await proxy.accept()
    },
    stop,
  }
}

/** A proxy on the way from one server to another. */
interface Way {
  readonly from: number
  readonly to: number
  readonly proxy: TcpProxy
}

async function startWays(ports: readonly number[]): Promise<Way[]> {
  const pairs = [...ports.keys()].flatMap((to) =>
    [...ports.keys()].filter((from) => from !== to).map((from) => ({ from, to })),
  )
  return Promise.all(
    pairs.map(async ({ from, to }) => ({ from, to, proxy: await startTcpProxy({ port: ports[to] ?? 0 }) })),
  )
}

/** What one server needs to know of the others. */
interface Routes {
  readonly ports: readonly number[]
  /** Where third servers are told to find this one, which must not lead past the proxies. */
  readonly advertised: number
}

async function routesOf(index: number, ports: readonly number[], ways: readonly Way[]): Promise<Routes> {
  if (ways.length === 0) return { ports, advertised: ports[index] ?? 0 }
  return {
    ports: ways.filter(({ from }) => from === index).map(({ proxy }) => proxy.port),
    // Nobody listens there: the ways that are configured are all that there are.
    advertised: await freePort(),
  }
}

function clusterConfig(
  { cluster, name, port }: { readonly cluster: string; readonly name: string; readonly port: number },
  { ports, advertised }: Routes,
): string {
  const routes = ports.map((route) => `"nats-route://127.0.0.1:${route}"`).join(', ')
  return [
    `server_name: ${name}`,
    'cluster {',
    `  name: "${cluster}"`,
    `  listen: "127.0.0.1:${port}"`,
    `  advertise: "127.0.0.1:${advertised}"`,
    `  routes: [${routes}]`,
    '}',
  ].join('\n')
}

async function differentPorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}
