import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { appendIds, type Head } from 'eventsourced'
import {
  findPostgres15,
  type PostgresPrograms,
  type PostgresServer,
  postgresUrl,
  startPostgres,
} from 'eventsourced-tools'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { collect, newEvt, newKey, ZERO } from './fixture.test.helper.js'
import { PostgresEvtLog, PostgresSnapshotStore } from './index.js'

const run = promisify(execFile)

let programs: PostgresPrograms
let source: PostgresServer
let folder: string

beforeAll(async () => {
  programs = await findPostgres15()
  source = await startPostgres({ programs })
  folder = await mkdtemp(join(tmpdir(), 'eventsourced-dump-'))
})
afterAll(async () => {
  await source.stop()
  await rm(folder, { recursive: true })
})

/** Runs a client program against a server. */
function client(program: string, url: string, args: readonly string[]): Promise<unknown> {
  return run(join(programs.bin, program), [...args, '--dbname', url], { env: { ...process.env, ...programs.env } })
}

test.each([
  ['another cluster', () => startPostgres({ programs })],
  ['a cluster of the embedded version', () => startPostgres()],
])('a dump restored into %s reads on where it was', async (_, startTarget) => {
  const connection = await source.createDatabase()
  const before = await PostgresEvtLog.create({ connection, setup: true })
  const snapshots = await PostgresSnapshotStore.create({ connection, setup: true })
  const keys = Array.from({ length: 20 }, () => newKey())
  const heads = new Map<string, Head>()
  const nextAppendId = appendIds()
  const write = async (log: PostgresEvtLog): Promise<void> => {
    for (const key of keys) {
      const expected = heads.get(key.id) ?? ZERO
      heads.set(key.id, (await log.persist({ key, expected, appendId: nextAppendId(), groups: [[newEvt()]] })).head)
    }
  }
  for (let round = 0; round < 5; round++) await write(before)
  const [key = newKey()] = keys
  await before.deleteEvts(key, 5)
  await snapshots.save(key, { seqNo: 5, appendId: nextAppendId(), version: 0, bytes: Buffer.from('state') })
  const known = await collect(before.evtsByType('counter'))
  const seen = known[40]?.position ?? 0

  const dump = join(folder, 'dump.sql')
  await client('pg_dump', postgresUrl(connection), ['--schema=eventsourced', `--file=${dump}`])
  const target = await startTarget()
  await client('psql', target.url, ['--quiet', '--set=ON_ERROR_STOP=1', `--file=${dump}`])

  const after = await PostgresEvtLog.create({ connection: target })
  expect(await collect(after.evtsByType('counter', { after: seen }))).toEqual(known.slice(41))
  expect(await after.head(key)).toEqual(await before.head(key))
  const reader = after.evtsByType('counter', { after: known.at(-1)?.position ?? 0, live: true })[Symbol.asyncIterator]()
  const next = reader.next()
  await write(after)
  expect((await next).value).toMatchObject({ key, seqNo: 6 })
  await reader.return?.()
  const restored = await PostgresSnapshotStore.create({ connection: target })
  expect(await restored.load(key)).toEqual(await snapshots.load(key))
  await Promise.all([before, snapshots, after, restored].map((one) => one.close()))
  await target.stop()
})
