import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly killedBy: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** One of the programs, as `npm run` starts it. */
export interface Child {
  kill(signal: NodeJS.Signals): void
  /** Waits until its output matches. @throws if it ends before */
  printed(pattern: RegExp): Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts a program that was built, with nothing in its environment but what is given. */
export function start(program: 'counter-postgres' | 'counter-nats' | 'counter-totals', env: NodeJS.ProcessEnv): Child {
  const path = fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url))
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`)
  // PATH and HOME are where a nats-server is found, or kept once fetched.
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [path], { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, killedBy) => resolve({ code, killedBy, stdout, stderr }))
  })
  return {
    kill: (signal) => child.kill(signal),
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(stdout)) resolve()
        }
        child.stdout.on('data', look)
        child.once('close', () => reject(new Error(`ended before it printed ${pattern}: ${stdout}${stderr}`)))
        look()
      }),
  }
}
