import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** How to run a program that refuses to run as root. */
export interface RunAs {
  /** Who runs it; undefined: the current user will do. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Turns a command into the one to launch. */
  readonly wrap: (command: readonly string[]) => readonly string[]
}

/**
 * As root, PostgreSQL is run as `nobody`: every system has that user, so none has to be created. Where the paths lie in a
 * folder that others may not enter (a clone in root's home), it also gets the right to pass through folders; the secure
 * bit keeps that right in force for access(2), by which PostgreSQL looks for its own programs.
 *
 * @param paths what the program must reach
 */
export function unprivileged(paths: readonly string[]): RunAs {
  if (process.getuid?.() !== 0) return { wrap: (command) => command }
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  const user = { uid, gid }
  if (paths.every(isOpenToAll)) return { user, wrap: (command) => command }
  const setpriv = ['setpriv', '--securebits=+no_setuid_fixup', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  const rights = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--']
  return { wrap: (command) => [...setpriv, ...rights, ...command] }
}

function idOf(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
}

/** Whether every user may pass through all folders above a path. */
function isOpenToAll(path: string): boolean {
  const parent = dirname(path)
  if (parent === path) return true
  const stat = statSync(parent, { throwIfNoEntry: false })
  return (stat === undefined || (stat.mode & 0o001) !== 0) && isOpenToAll(parent)
}
