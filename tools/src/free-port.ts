import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A TCP port of 127.0.0.1 that nobody listens on.
 *
 * It lies below the ports that operating systems give to outgoing connections: such a connection could take the port
 * of a server that is down for a moment, and a client that keeps reconnecting could even meet itself there.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => ('code' in error && error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * Runs `start` with the port asked for, or else with a free one, and once more with another if somebody took that one
 * before the server could.
 */
export async function withPort<T>(asked: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (asked !== undefined) return start(asked)
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === 5 || !(error instanceof Error && /address already in use/i.test(error.message))) throw error
    }
  }
}
