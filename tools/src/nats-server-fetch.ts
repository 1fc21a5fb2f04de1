import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { debianSource } from './debian-source.js'

/** Debian's first suite with a nats-server that is new enough. */
const SUITE = 'forky'

const HOW_TO_INSTALL =
  'Install a nats-server, 2.12.14 or later, and put it on the PATH or name it in the environment variable NATS_SERVER_BIN ' +
  '(macOS: brew install nats-server)'

const run = promisify(execFile)

/**
 * Fetches Debian's nats-server to a path, from the mirror that this machine's own sources name, with signatures
 * checked. Neither the machine's sources nor its packages are touched, and root is not needed. Processes that fetch at
 * once don't disturb each other: each works in a folder of its own and puts the whole program in place in one step.
 *
 * @throws {Error} that says how to install one when this is no Debian or fetching fails
 */
export async function fetchNatsServer(path: string): Promise<void> {
  const source = debianSource('/etc', SUITE)
  if (source === undefined)
    throw new Error(`There is no nats-server, and no Debian to fetch it with. ${HOW_TO_INSTALL}`)
  mkdirSync(dirname(path), { recursive: true })
  const folder = mkdtempSync(join(dirname(path), 'fetch-'))
  try {
    const program = await download(folder, source)
    chmodSync(program, 0o755)
    renameSync(program, path)
  } catch (error) {
    throw new Error(`Fetching a nats-server failed. ${HOW_TO_INSTALL}`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function download(folder: string, source: { file: string; content: string }): Promise<string> {
  for (const name of ['lists/partial', 'cache/archives/partial', 'files']) {
    mkdirSync(join(folder, name), { recursive: true })
  }
  writeFileSync(join(folder, source.file), source.content)
  const settings = {
    'Dir::Etc::sourcelist': join(folder, source.file),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'APT::Update::Error-Mode': 'any', // otherwise an unreachable mirror is only warned of
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run('apt-get', [...options, '--quiet', 'update'], { cwd: folder })
  await run('apt-get', [...options, '--quiet', 'download', 'nats-server'], { cwd: folder })
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get download brought no package')
  await run('dpkg-deb', ['-x', join(folder, archive), join(folder, 'files')])
  const programs = ['usr/sbin', 'usr/bin'].map((bin) => join(folder, 'files', bin, 'nats-server'))
  const program = programs.find((candidate) => existsSync(candidate))
  if (program === undefined) throw new Error(`${archive} holds no nats-server`)
  return program
}
