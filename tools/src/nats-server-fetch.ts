import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fetchDebianPackages } from './debian-packages.js'

/** Debian's first suite with a nats-server that is new enough. */
const SUITE = 'forky'

const HOW_TO_INSTALL =
  'Install a nats-server, 2.12.14 or later, and put it on the PATH or name it in the environment variable NATS_SERVER_BIN ' +
  '(macOS: brew install nats-server)'

/**
 * Fetches Debian's nats-server to a path. Processes that fetch at once don't disturb each other.
 *
 * @throws {Error} that says how to install one when this is no Debian or fetching fails
 */
export async function fetchNatsServer(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const work = mkdtempSync(join(dirname(path), 'fetch-'))
  try {
    const folder = join(work, 'unpacked')
    await fetchDebianPackages({ suite: SUITE, packages: ['nats-server'], folder })
    const programs = ['usr/sbin', 'usr/bin'].map((bin) => join(folder, bin, 'nats-server'))
    const program = programs.find((candidate) => existsSync(candidate))
    if (program === undefined) throw new Error('The package holds no nats-server')
    chmodSync(program, 0o755)
    renameSync(program, path)
  } catch (error) {
    throw new Error(`There is no nats-server, and fetching one failed. ${HOW_TO_INSTALL}`, { cause: error })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
