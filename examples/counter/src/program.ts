import { isEventSourcedError } from 'eventsourced'
import { type Logger, pino } from 'pino'
import { ConfigError } from './config/config-error.js'
import { readLogLevel } from './config/config.js'
import type { Output } from './runner/progress.js'

/** What a program may use. */
export interface Program {
  readonly env: NodeJS.ProcessEnv
  readonly logger: Logger
  /** Aborted by Ctrl-C: the program then ends as soon as what was accepted is finished. */
  readonly signal: AbortSignal
  readonly output: Output
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const
type StopSignal = keyof typeof EXIT_CODES

/** npm passes signals on that the terminal has sent already: what comes this soon, in milliseconds, is no second Ctrl-C. */
const SAME_SIGNAL_MS = 500

/** Runs a program to its end: prints what it reports, or why it failed, and sets the exit code. */
export async function runProgram(program: (context: Program) => Promise<string>): Promise<void> {
  const { signal, forget } = stopOnSignals()
  try {
    // The log goes to stderr, so that the report can be piped.
    const logger = pino({ level: readLogLevel(process.env) }, pino.destination({ dest: 2, sync: true }))
    const { env, stdout: output } = process
    output.write(await program({ env, logger, signal, output }))
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`)
    process.exitCode = 1
  } finally {
    forget()
  }
}

/** A signal that Ctrl-C aborts; the second Ctrl-C ends the process. */
function stopOnSignals(): { readonly signal: AbortSignal; readonly forget: () => void } {
  const controller = new AbortController()
  let stoppedAt = 0
  const stop = (signal: StopSignal) => {
    if (controller.signal.aborted) {
      if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(EXIT_CODES[signal])
      return
    }
    stoppedAt = performance.now()
    process.stderr.write('\nStopping: what was accepted is finished. Ctrl-C again to quit at once.\n')
    process.exitCode = EXIT_CODES[signal]
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  return { signal: controller.signal, forget: () => process.off('SIGINT', stop).off('SIGTERM', stop) }
}

/** A message is enough where it says what to do; everything else is a defect, and where it came from matters. */
function reasonOf(error: unknown): string {
  if (error instanceof ConfigError || isEventSourcedError(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
