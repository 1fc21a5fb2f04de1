import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** A program that runs until its input ends, for tests that stop, kill or pause it. */
export interface Child {
  /** As it was given. */
  readonly name: string
  readonly isPaused: boolean
  /** The last line that it has printed, whole. */
  readonly line: string
  /** Ends its input, upon which it should finish what it does. @throws if it ends in another way */
  stop(): Promise<void>
  /** Ends it as kill -9 does, also where it has ended before. */
  kill(): Promise<void>
  /** Stands it still. */
  pause(): void
  /** Lets it go on as if nothing had been. */
  goOn(): void
}

/** Starts a program that was built, with what it is told as JSON, and waits until it prints something. @throws if it ends before */
export async function startChild(
  program: URL,
  { name, told }: { readonly name: string; readonly told: unknown },
): Promise<Child> {
  const path = fileURLToPath(program)
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`)
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [path, JSON.stringify(told)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let line = ''
  await new Promise<void>((resolve, reject) => {
    const whole = (text: string): void => {
      line = text
      resolve()
    }
    createInterface(child.stdout).on('line', whole)
    void ended.then((code) => reject(new Error(`the process ended with ${code} before it was there: ${said}`)))
  })
  let isPaused = false
  return {
    name,
    get isPaused() {
      return isPaused
    },
    get line() {
      return line
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
