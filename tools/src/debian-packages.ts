import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { debianSource } from './debian-source.js'

const run = promisify(execFile)

/** What to fetch, and where to put it. */
export interface DebianPackages {
  /** The suite that has them: `bookworm`. */
  readonly suite: string
  readonly packages: readonly string[]
  /** Where their files are put, once all of them are there: `<folder>/usr/bin/…`. */
  readonly folder: string
}

/**
 * Fetches packages from the mirror that this machine's own sources name, with signatures checked, and unpacks them into a folder. Neither the
 * machine's sources nor its packages are touched, and root is not needed. Processes that fetch at once don't disturb each other: each works in
 * a folder of its own and puts it in place in one step.
 *
 * @throws {Error} when this is no Debian or fetching fails
 */
export async function fetchDebianPackages({ suite, packages, folder }: DebianPackages): Promise<void> {
  const source = debianSource('/etc', suite)
  if (source === undefined) throw new Error(`This is no Debian to fetch ${packages.join(', ')} with`)
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(join(dirname(folder), 'fetch-'))
  try {
    await download(work, source, packages)
    const files = join(work, 'files')
    for (const archive of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(work, archive), files])
    }
    rmSync(folder, { recursive: true, force: true })
    renameSync(files, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function download(
  work: string,
  source: { readonly file: string; readonly content: string },
  packages: readonly string[],
): Promise<void> {
  for (const name of ['lists/partial', 'cache/archives/partial', 'files']) {
    mkdirSync(join(work, name), { recursive: true })
  }
  writeFileSync(join(work, source.file), source.content)
  const settings = {
    'Dir::Etc::sourcelist': join(work, source.file),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'APT::Update::Error-Mode': 'any', // otherwise an unreachable mirror is only warned of
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run('apt-get', [...options, '--quiet', 'update'], { cwd: work })
  await run('apt-get', [...options, '--quiet', 'download', ...packages], { cwd: work })
}
