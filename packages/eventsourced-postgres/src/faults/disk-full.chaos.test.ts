import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Persisted } from 'eventsourced'
import { type PostgresServer, startPostgres } from 'eventsourced-tools'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect, newAppend, newEvt, newKey, withClient, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let folder: string
let server: PostgresServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'eventsourced-small-disk-'))
  server = await startPostgres()
  mountSmallDisk(join(server.dataDir, 'pgdata'))
})

afterEach(async () => {
  await server.stop()
  execFileSync('umount', [folder])
  rmSync(folder, { recursive: true })
})

/** A disk of 16 MB, which belongs to whoever runs the server. */
function mountSmallDisk(pgdata: string): void {
  const { uid, gid } = statSync(pgdata)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=16m,uid=${uid},gid=${gid},mode=0700`, 'tmpfs', folder])
  } catch (error) {
    throw new Error('A small disk can’t be mounted: run this test as root, on Linux', { cause: error })
  }
  chmodSync(folder, 0o700)
}

function append(log: PostgresEvtLog): Promise<Persisted> {
  return log.persist(newAppend(newKey(), ZERO, newEvt({ bytes: crypto.getRandomValues(new Uint8Array(60_000)) })))
}

test('where the disk is full appends are unavailable and not stored, and go on once there is room', async () => {
  const log = await PostgresEvtLog.create({ connection: server, setup: true })
  const admin = <T>(work: Parameters<typeof withClient<T>>[1]) => withClient(server, work)
  await admin(async (client) => {
    await client.query(`CREATE TABLESPACE small LOCATION '${folder}'`)
    await client.query(
      'CREATE TABLE ballast TABLESPACE small AS SELECT repeat(md5(n::text), 60) FROM generate_series(1, 4000) AS n',
    )
    await client.query('ALTER TABLE eventsourced.events SET TABLESPACE small')
  })
  const positions: number[] = []
  let failed: unknown
  for (let count = 0; failed === undefined; count++) {
    expect(count, 'the disk is full at last').toBeLessThan(2_000)
    const answers = await Promise.allSettled(Array.from({ length: count % 10 }, () => append(log)))
    for (const answer of answers) {
      if (answer.status === 'fulfilled') positions.push(answer.value.head.position)
      else failed = answer.reason
    }
  }
  expect(failed).toMatchObject({ code: 'UNAVAILABLE' })
  await expect(append(log)).rejects.toThrow(/No space left|could not extend/)
  await admin((client) => client.query('DROP TABLE ballast'))
  await admin((client) => client.query('CHECKPOINT'))
  positions.push((await append(log)).head.position)
  const stored = await collect(log.evtsByType('counter'))
  expect(stored.map(({ position }) => position)).toEqual(positions.sort((left, right) => left - right))
  await log.close()
})
