import { type EntityKey, sliceOf } from 'eventsourced'
import { type PostgresConnection, startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newAppend, newKey, until } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'
import { follow } from './follow.test.helper.js'

let connection: PostgresConnection
let proxy: TcpProxy
let admin: Client

beforeEach(async () => {
  connection = await testPostgres()
  proxy = await startTcpProxy(connection)
  admin = new Client({ ...connection, database: 'postgres' })
  await admin.connect()
})

afterEach(async () => {
  await proxy.close()
  await admin.end()
})

/** Appends to entities in turn, an event each, on a connection of its own; answers with the positions. */
async function append(keys: readonly EntityKey[]): Promise<number[]> {
  const log = await PostgresEvtLog.create({ connection, setup: true })
  const positions = []
  for (const key of keys) positions.push((await log.persist(newAppend(key, await log.head(key)))).head.position)
  await log.close()
  return positions
}

/** An entity of another slice. */
function elsewhere({ id, typeName }: EntityKey): EntityKey {
  for (;;) {
    const key = newKey(typeName)
    if (sliceOf(key.id) !== sliceOf(id)) return key
  }
}

/** Puts the database as it was into its place, while nobody can reach it, and has others append there. */
async function failOver(copy: string, then: () => Promise<unknown>): Promise<void> {
  await proxy.refuse()
  proxy.cut()
  await admin.query(`DROP DATABASE "${connection.database}" WITH (FORCE)`)
  await admin.query(`ALTER DATABASE "${copy}" RENAME TO "${connection.database}"`)
  await then()
  await proxy.accept()
}

test('live reads end with an error on a server that lacks what they have read, and hands out its positions again', async () => {
  const [a, rare] = [newKey(), newKey('rare')]
  const b = elsewhere(a)
  await append([a, b, a, b, rare])
  const copy = `${connection.database}_copy`
  // A backend that has just been left takes a moment to go.
  await until('there is a copy', () =>
    admin.query(`CREATE DATABASE "${copy}" TEMPLATE "${connection.database}"`).then(
      () => true,
      () => false,
    ),
  )
  const after = (await append([rare, rare, a, b, b])).at(-1) ?? 0
  const log = await PostgresEvtLog.create({ connection: { ...connection, port: proxy.port }, pollIntervalMs: 20 })
  const live = { live: true }
  const reads = [
    follow((signal) => log.evtsByType('counter', { ...live, signal })),
    follow((signal) => log.evtsByType('counter', { ...live, signal, slice: [sliceOf(a.id)] })),
    follow((signal) => log.evtsByType('counter', { ...live, signal, after })),
    follow((signal) => log.evtsById(a, { ...live, signal })),
    follow((signal) => log.evtsById(a, { ...live, signal, from: 4 })),
  ]
  const seen = [7, 3, 0, 3, 0]
  const isSeen = (): boolean => reads.every(({ positions }, at) => positions.length === seen[at])
  await until('all is read', isSeen)
  let answers = 0
  proxy.rule((_, direction) => {
    if (direction === 'answer') answers++
    return 'pass'
  })
  await until('all have looked for more', () => answers > 100)
  await failOver(copy, () => append([a, a, a, b, a, b, b, b, b]))
  for (const { reading } of reads) await expect(reading).rejects.toMatchObject({ code: 'LOG_LOST_EVENTS' })
  expect(isSeen()).toBe(true)
  await log.close()
})

test('reads go on behind events that were deleted since, whatever becomes of their connections', async () => {
  const key = newKey()
  const keys = [key, elsewhere(key)]
  await append(keys)
  const log = await PostgresEvtLog.create({ connection: { ...connection, port: proxy.port }, pollIntervalMs: 20 })
  const direct = await PostgresEvtLog.create({ connection })
  const live = { live: true }
  const byType = follow((signal) => log.evtsByType('counter', { ...live, signal }))
  const bySlice = follow((signal) => log.evtsByType('counter', { ...live, signal, slice: [sliceOf(key.id)] }))
  const byId = follow((signal) => log.evtsById(key, { ...live, signal }))
  let seen = 1
  const isSeen = (): boolean =>
    byType.positions.length === 2 * seen && [bySlice, byId].every(({ positions }) => positions.length === seen)
  await until('all is read', isSeen)
  for (let round = 0; round < 3; round++) {
    await proxy.refuse()
    proxy.cut()
    // What was read last is gone by the time at which it is looked for, and in the last round all that came since is, too.
    await append([...keys, ...keys])
    const isLast = round === 2
    for (const key of keys) await direct.deleteEvts(key, (await direct.head(key)).seqNo - (isLast ? 0 : 1))
    await proxy.accept()
    if (isLast) break
    seen++
    await until('all is read', isSeen)
  }
  await append(keys)
  seen++
  await until('all is read', isSeen)
  expect(byType.positions).toEqual([...byType.positions].sort((one, other) => one - other))
  await Promise.all([byType, bySlice, byId].map(({ stop }) => stop()))
  await Promise.all([log.close(), direct.close()])
})
