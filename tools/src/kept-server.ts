import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { parse } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What a keeper is told about the server that it is to run. */
export interface ServerSpec {
  /** The data folder, absolute: made if it is missing, locked, and the place of `server.log`. */
  readonly folder: string
  /** Whether the folder is removed after the server has ended. */
  readonly temporary: boolean
  /** The program, absolute, and its arguments. */
  readonly command: readonly string[]
  /** What the server prints once it can be connected to. */
  readonly readyText: string
  /** The signal that stops the server in good order. */
  readonly stopSignal: NodeJS.Signals
  /** Who runs the server, if not the current user. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly env?: Readonly<Record<string, string>>
  /** Files written into the folder before the server starts, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** A command that makes `<folder>/<creates>.new`; it is renamed when the command has succeeded, and not run again. */
  readonly init?: { readonly creates: string; readonly command: readonly string[] }
}

/** A running server with a keeper that ends it when this process ends, in whatever way that happens. */
export interface KeptServer {
  /** The server's process id; another one after a new start. */
  readonly pid: number
  /** Starts the server again on the same data and port after `kill`; does nothing while it runs. */
  start(): Promise<void>
  /**
   * Ends the server by a signal, SIGKILL if not given; resolves when all its processes have ended. The data stays,
   * temporary data until `stop`.
   */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Stops the server in good order; resolves when it has ended and, if it was temporary, its data is gone. */
  stop(): Promise<void>
}

/**
 * Starts a server under a keeper, and waits until it can be connected to.
 *
 * The server doesn't keep this process alive: a program that forgets `stop` ends all the same, and its server with it.
 *
 * @throws {Error} with the end of the server's output when it does not start
 */
export async function keepServer(spec: ServerSpec): Promise<KeptServer> {
  const keeper = startKeeper(spec)
  let pid = await keeper.ready().catch(async (error: unknown) => {
    await keeper.end()
    throw error
  })
  let ended: Promise<string> | undefined

  function endBy(signal: NodeJS.Signals): Promise<string> {
    sendSignal(pid, signal)
    return keeper.exited()
  }

  return {
    get pid() {
      return pid
    },
    async start() {
      ended = undefined
      keeper.say('start')
      pid = await keeper.ready()
    },
    async kill(signal = 'SIGKILL') {
      ended ??= endBy(signal)
      await ended
    },
    stop: () => keeper.end(),
  }
}

function startKeeper(spec: ServerSpec) {
  // The options of this process (an inspector's port, loaders) are not the keeper's.
  const { NODE_OPTIONS: _, ...env } = process.env
  const keeper = spawn(process.execPath, [fileURLToPath(new URL('./keeper.js', import.meta.url))], {
    detached: true,
    cwd: parse(process.execPath).root,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(keeper, 'exit')
  ended.catch(() => {}) // it is told by who waits for the end
  keeper.stdin.on('error', () => {}) // a keeper that has ended shows itself by the end of its output
  const reports: AsyncIterator<string, undefined> = createInterface({ input: keeper.stdout })[Symbol.asyncIterator]()
  const say = (line: string) => keeper.stdin.write(`${line}\n`)

  const streams = [keeper.stdin, keeper.stdout].filter((stream) => stream instanceof Socket)
  const handles = [keeper, ...streams]
  let waiting = 0
  /** The process stays alive only while something is waited for. */
  async function awake<T>(action: Promise<T>): Promise<T> {
    if (waiting++ === 0) for (const handle of handles) handle.ref()
    try {
      return await action
    } finally {
      if (--waiting === 0) for (const handle of handles) handle.unref()
    }
  }

  /** Reads reports until one of the kind asked for; the others are of earlier lives of the server. */
  async function report(kind: 'ready' | 'exited'): Promise<string> {
    for (;;) {
      const { value, done } = await awake(reports.next())
      if (done === true) throw new Error('The keeper of the server has ended')
      const [word, rest] = splitAtSpace(value)
      if (word === kind) return rest
      if (word === 'failed') throw new Error(String(JSON.parse(rest)))
    }
  }

  say(JSON.stringify(spec))
  return {
    say,
    ready: async () => Number(await report('ready')),
    exited: () => report('exited'),
    end: async () => {
      keeper.stdin.end()
      await awake(ended)
    },
  }
}

function splitAtSpace(line: string): [string, string] {
  const space = line.indexOf(' ')
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)]
}

/** Sends a signal to a process that may have ended already. */
function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
