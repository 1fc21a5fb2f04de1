import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cacheFolder } from './cache-folder.js'
import { fetchDebianPackages } from './debian-packages.js'
import type { PostgresPrograms } from './postgres-binaries.js'

/** Programs that some tests need, and what they need in their environment. */
type Programs = PostgresPrograms

interface Wanted {
  /** What is looked for. */
  readonly program: string
  /** Where it may be. */
  readonly folders: readonly string[]
  /** Debian's packages that have it, with the libraries that a small machine lacks, and the folder in them. */
  readonly packages: readonly string[]
  readonly folder: string
  readonly howTo: string
}

const SUITE = 'bookworm'
const POSTGRES_15 =
  'postgresql-15 postgresql-client-15 libpq5 libicu72 libxml2 libldap-2.5-0 libsasl2-2 liblz4-1 libzstd1 libssl3 ' +
  'libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 libcom-err2'

/**
 * The programs of PostgreSQL 15, server and client: those in the folder that `POSTGRES_15_BIN` names, or in Debian's place, or fetched.
 *
 * @throws {Error} that says how to install them
 */
export function findPostgres15(env: NodeJS.ProcessEnv = process.env): Promise<Programs> {
  return find({
    program: 'postgres',
    folders: [env['POSTGRES_15_BIN'] ?? '/usr/lib/postgresql/15/bin'],
    packages: POSTGRES_15.split(' '),
    folder: 'usr/lib/postgresql/15/bin',
    howTo: 'Install PostgreSQL 15, server and client, and name the folder of its programs in POSTGRES_15_BIN',
  })
}

/**
 * The folder with `pgbouncer`: on the PATH, or fetched.
 *
 * @throws {Error} that says how to install it
 */
export function findPgBouncer(env: NodeJS.ProcessEnv = process.env): Promise<Programs> {
  return find({
    program: 'pgbouncer',
    folders: (env['PATH'] ?? '').split(delimiter),
    packages: ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'],
    folder: 'usr/sbin',
    howTo: 'Install pgbouncer, and put it on the PATH',
  })
}

async function find({ program, folders, packages, folder, howTo }: Wanted): Promise<Programs> {
  const found = folders.find((one) => existsSync(join(one, program)))
  if (found !== undefined) return { bin: found, env: {} }
  const fetched = cacheFolder(`debian-${program}`)
  try {
    if (!existsSync(join(fetched, folder, program)))
      await fetchDebianPackages({ suite: SUITE, packages, folder: fetched })
  } catch (error) {
    throw new Error(`There is no ${program}, and fetching one failed. ${howTo}`, { cause: error })
  }
  return { bin: join(fetched, folder), env: { LD_LIBRARY_PATH: librariesOf(fetched) } }
}

/** Debian keeps libraries in a folder of the machine's kind: `usr/lib/x86_64-linux-gnu`. */
function librariesOf(fetched: string): string {
  const folders = ['lib', 'usr/lib'].map((name) => join(fetched, name)).filter((folder) => existsSync(folder))
  const kinds = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  return kinds.filter((name) => name.endsWith('-linux-gnu')).join(delimiter)
}
