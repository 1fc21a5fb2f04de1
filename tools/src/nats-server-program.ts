import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache-folder.js'
import { fetchNatsServer } from './nats-server-fetch.js'

/** The oldest nats-server that this project works with. */
export const MIN_NATS_SERVER_VERSION = '2.12.14'

/** A nats-server on this machine's disk. */
export interface NatsServerProgram {
  readonly path: string
  readonly version: string
}

const run = promisify(execFile)

/**
 * Finds a nats-server: the one that `NATS_SERVER_BIN` names, whatever its version; or one on the PATH that is new
 * enough; or the one fetched earlier; or fetches one from this machine's own Debian mirror, which takes some seconds.
 *
 * @throws {Error} that says how to install one
 */
export async function findNatsServer(env: NodeJS.ProcessEnv = process.env): Promise<NatsServerProgram> {
  const named = env['NATS_SERVER_BIN']
  if (named !== undefined && named !== '') {
    const version = await versionOf(named)
    if (version === undefined) throw new Error(`NATS_SERVER_BIN names no nats-server that runs: ${named}`)
    return { path: resolve(named), version }
  }
  const cached = join(cacheFolder('nats-server'), 'nats-server')
  return (await newEnough(onPath(env['PATH']))) ?? (await newEnough(cached)) ?? (await fetched(cached))
}

async function fetched(path: string): Promise<NatsServerProgram> {
  process.stderr.write('Fetching a nats-server from the Debian mirror of this machine (only once)\n')
  await fetchNatsServer(path)
  const program = await newEnough(path)
  if (!program)
    throw new Error(`The nats-server that was fetched does not run or is older than ${MIN_NATS_SERVER_VERSION}`)
  return program
}

function onPath(path = ''): string | undefined {
  const candidates = path.split(delimiter).map((folder) => resolve(folder, 'nats-server'))
  return candidates.find((candidate) => existsSync(candidate))
}

async function newEnough(path: string | undefined): Promise<NatsServerProgram | undefined> {
  if (path === undefined) return undefined
  const version = await versionOf(path)
  return version !== undefined && isAtLeast(version, MIN_NATS_SERVER_VERSION) ? { path, version } : undefined
}

/** The version that a nats-server tells, undefined if there is none at that path or it doesn't run. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'])
    return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** Whether a version of three numbers is another one or a later one. */
export function isAtLeast(version: string, minimum: string): boolean {
  const wanted = minimum.split('.').map(Number)
  const difference = version.split('.').map((part, i) => Number(part) - (wanted[i] ?? 0))
  return (difference.find((part) => part !== 0) ?? 0) >= 0
}
