import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** An event as it was told to be stored, or is found stored. */
export interface EvtPlace {
  readonly id: string
  readonly seqNo: number
  readonly position: number
  readonly payload: string
}

/** A process that appends until it is stopped or killed. */
export interface AppendProcess {
  /** What it was told is stored. */
  readonly acknowledged: readonly EvtPlace[]
  /** Waits until it was told so many more. @throws {Error} if it ends before */
  acknowledgesMore(count: number): Promise<void>
  /** Ends it as kill -9 does. Idempotent. */
  kill(): Promise<void>
  /** Has it finish what it does. @throws {Error} if it has failed */
  stop(): Promise<void>
}

const PAYLOAD_LENGTH = 36

/**
 * Starts a program, compiled before, that calls `appendUntilInputEnds` with the options that its first argument holds as JSON.
 *
 * @throws {Error} if the program is missing
 */
export function startAppendProcess(program: string, options: object): AppendProcess {
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`)
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [program, JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  const acknowledged: EvtPlace[] = []
  let onLine = () => {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [id = '', seqNo, position, payload = ''] = line.split(' ')
    // A line that a kill has cut off was not told.
    if (payload.length !== PAYLOAD_LENGTH) return
    acknowledged.push({ id, seqNo: Number(seqNo), position: Number(position), payload })
    onLine()
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told = (told + text).slice(-2_000)))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const failure = (code: number | null) => new Error(`the appending process ended with ${code}: ${told}`)
  return {
    acknowledged,
    acknowledgesMore: async (count) => {
      const wanted = acknowledged.length + count
      const enough = new Promise<undefined>((resolve) => {
        onLine = () => {
          if (acknowledged.length >= wanted) resolve(undefined)
        }
      })
      const code = await Promise.race([enough, ended])
      if (code !== undefined) throw failure(code)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      child.stdin.end()
      const code = await ended
      if (code !== 0) throw failure(code)
    },
  }
}
