import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { WriterOptions } from './writer.test.fixture.js'

/** An event that a writer was told is stored. */
export interface Acknowledged {
  readonly id: string
  readonly seqNo: number
  readonly position: number
  readonly payload: string
}

/** A process that appends until it is stopped or killed. */
export interface Writer {
  readonly acknowledged: readonly Acknowledged[]
  /** Ends it as kill -9 does. */
  kill(): Promise<void>
  /** Has it finish what it does. @throws if it has failed */
  stop(): Promise<void>
}

/** Starts a process that appends. */
export function startWriter(options: WriterOptions): Writer {
  const program = fileURLToPath(new URL('../../dist/faults/writer.test.fixture.js', import.meta.url))
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`)
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [program, JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  const acknowledged: Acknowledged[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [id = '', seqNo, position, payload = ''] = line.split(' ')
    // A line that a kill has cut off was not told.
    if (payload.length === 36) acknowledged.push({ id, seqNo: Number(seqNo), position: Number(position), payload })
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told = (told + text).slice(-2_000)))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    acknowledged,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      child.stdin.end()
      const code = await ended
      if (code !== 0) throw new Error(`the writer ended with ${code}: ${told}`)
    },
  }
}
