import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ProjectingOptions } from './projecting.test.fixture.js'

/** A process that takes part in the projection. */
export interface ProjectingProcess {
  /** Its name in the read model. */
  readonly name: string
  readonly isPaused: boolean
  /** Has it let go of what it has, and end. @throws if it ends in another way */
  stop(): Promise<void>
  /** Ends it as kill -9 does, also where it has ended before. */
  kill(): Promise<void>
  /** Stands it still. */
  pause(): void
  /** Lets it go on as if nothing had been. */
  goOn(): void
}

/** Starts a process, and waits until it takes part. */
export async function startProjecting(options: Omit<ProjectingOptions, 'owner'>): Promise<ProjectingProcess> {
  const program = fileURLToPath(new URL('../../dist/processes/projecting.test.fixture.js', import.meta.url))
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`)
  const name = randomUUID()
  const told: ProjectingOptions = { ...options, owner: name }
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [program, JSON.stringify(told)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    void ended.then((code) => reject(new Error(`the process ended with ${code} before it took part: ${said}`)))
  })
  let isPaused = false
  return {
    name,
    get isPaused() {
      return isPaused
    },
    stop: async () => {
      child.stdin.end()
      const code = await ended
      if (code !== 0) throw new Error(`the process ended with ${code}: ${said}`)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    pause: () => {
      isPaused = true
      child.kill('SIGSTOP')
    },
    goOn: () => {
      isPaused = false
      child.kill('SIGCONT')
    },
  }
}
