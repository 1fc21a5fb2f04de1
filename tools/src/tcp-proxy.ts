import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from './free-port.js'

/** Which way bytes go: a request to the server, or an answer of the server. */
export type Direction = 'request' | 'answer'

/**
 * What becomes of bytes: they go on; they wait, and all behind them in that direction, until there is another rule; they
 * are swallowed; or their connection is cut in their place.
 */
export type Fate = 'pass' | 'hold' | 'drop' | 'cut'

/** Decides on bytes as they arrive, in pieces as the network gave them. */
export type Rule = (bytes: Buffer, direction: Direction) => Fate

/** A proxy between a client and a server, to break what is between them. */
export interface TcpProxy {
  /** The port of 127.0.0.1 that clients connect to. */
  readonly port: number
  /** How many clients are connected. */
  readonly connections: number
  /** Makes a rule hold from now on, for what was held too; without one everything passes. */
  rule(rule?: Rule): void
  /** Delays bytes by so many milliseconds in each direction. */
  delay(ms: number): void
  /** Cuts all connections. */
  cut(): void
  /** Refuses new connections; those that are open stay. */
  refuse(): Promise<void>
  /** Accepts connections again, on the same port. */
  accept(): Promise<void>
  /** Cuts all connections and frees the port. */
  close(): Promise<void>
}

/**
 * Starts a proxy that forwards a free port of 127.0.0.1 to a server.
 *
 * @example
 * const proxy = await startTcpProxy({ port: postgres.port })
 * proxy.rule((bytes, direction) => (direction === 'request' && bytes.includes('COMMIT') ? 'cut' : 'pass'))
 */
export async function startTcpProxy(target: { readonly host?: string; readonly port: number }): Promise<TcpProxy> {
  const port = await freePort()
  const links = new Set<Link>()
  const state: State = { rule: () => 'pass', delayMs: 0 }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const link = join(client, connect({ host: '127.0.0.1', allowHalfOpen: true, ...target }), state)
    links.add(link)
    client.once('close', () => links.delete(link))
  })
  const accept = async () => {
    if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening')
  }
  const refuse = async () => {
    if (server.listening) server.close()
  }
  const cut = () => {
    for (const link of links) link.cut()
  }

  await accept()
  return {
    port,
    get connections() {
      return links.size
    },
    rule(rule = () => 'pass') {
      state.rule = rule
      for (const link of links) link.judgeAgain()
    },
    delay(ms) {
      state.delayMs = ms
    },
    cut,
    refuse,
    accept,
    async close() {
      await refuse()
      cut()
    },
  }
}

interface State {
  rule: Rule
  delayMs: number
}

/** The two connections of one client. */
interface Link {
  judgeAgain(): void
  cut(): void
}

function join(client: Socket, server: Socket, state: State): Link {
  const cut = () => {
    // A reset, as from a broken network: an orderly end would be something else to a client.
    client.resetAndDestroy()
    server.resetAndDestroy()
  }
  const pipes = [pipe(client, server, 'request', state, cut), pipe(server, client, 'answer', state, cut)]
  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('error', cut)
  }
  return {
    cut,
    judgeAgain() {
      for (const judge of pipes) judge()
    },
  }
}

/** Forwards one direction in order; returns what judges held bytes again. */
function pipe(from: Socket, to: Socket, direction: Direction, state: State, cut: () => void): () => void {
  const queue: { bytes: Buffer; dueAt: number }[] = []
  let held = false
  let ended = false
  let timer: NodeJS.Timeout | undefined

  function drain(): void {
    let next = queue[0]
    while (next && !held && !to.destroyed) {
      const wait = next.dueAt - performance.now()
      if (wait > 0) {
        clearTimeout(timer)
        timer = setTimeout(drain, wait)
        return
      }
      const fate = state.rule(next.bytes, direction)
      if (fate === 'cut') return cut()
      if (fate === 'hold') held = true
      else queue.shift()
      if (fate === 'pass') to.write(next.bytes)
      next = queue[0]
    }
    if (ended && queue.length === 0) to.end()
  }

  from.on('data', (bytes) => {
    queue.push({ bytes, dueAt: performance.now() + state.delayMs })
    drain()
  })
  from.on('end', () => {
    ended = true
    drain()
  })
  from.on('close', () => {
    clearTimeout(timer)
    if (!ended) to.destroy()
  })
  return () => {
    held = false
    drain()
  }
}
