import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A process that counts one up again and again, as fast as each is answered. */
export interface CountingChild {
  /** What it was answered last. */
  readonly own: bigint
  /** Waits until it has counted so far. */
  counted(own: bigint): Promise<void>
  /** kill -9, and waits until it is gone. Idempotent. */
  kill(): Promise<void>
}

const PROGRAM = `
  import { strictCounter } from 'eventsourced/counters'
  import { NatsCounterStore } from 'eventsourced-nats'
  const { CONFIG, OPTIONS } = process.env
  const store = await NatsCounterStore.create(JSON.parse(CONFIG))
  const counter = await strictCounter(store, JSON.parse(OPTIONS))
  for (;;) console.log(String((await counter.inc('k', 1)).own))
`

/** Starts one on what was built. */
export function countingChild(config: object, options: object): CountingChild {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { CONFIG: JSON.stringify(config), OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  const closed = once(child, 'close')
  const state = { own: 0n, isOver: false }
  lines.on('line', (line) => {
    state.own = BigInt(line)
  })
  child.once('close', () => {
    state.isOver = true
  })
  return {
    get own() {
      return state.own
    },
    counted: async (count) => {
      while (state.own < count) {
        if (state.isOver) throw new Error(`it ended at ${state.own}`)
        await Promise.race([once(lines, 'line'), closed])
      }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}
