import { messageOf } from '../errors.js'
import { loadConfig } from './load-config.js'
import { parseCommand, UsageError } from './parse-command.js'
import { runCommand } from './run-command.js'
import { onLine } from './texts.js'
import { USAGE } from './usage.js'

/** Where a command runs, and where it writes. */
export interface CliWorld {
  readonly cwd: string
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

const FAILED = 1
const MISUSED = 2

/** Runs `eventsourced …`. @returns the exit code: 0, or 1 if it failed, 2 if it was asked for something that there is not */
export async function runCli(args: readonly string[], world: CliWorld): Promise<number> {
  try {
    const command = parseCommand(args)
    if (command.kind === 'help') {
      world.out(USAGE)
      return 0
    }
    const parts = await loadConfig(world.cwd, command.config)
    try {
      await runCommand(command, parts, world.out)
      return 0
    } finally {
      await parts.close()
    }
  } catch (error) {
    world.err(messageOf(error).split('\n').map(onLine).join('\n'))
    if (!(error instanceof UsageError)) return FAILED
    world.err(`\n${USAGE}`)
    return MISUSED
  }
}
