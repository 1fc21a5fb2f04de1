import { randomUUID } from 'node:crypto'
import {
  appendIds,
  copyEvts,
  Entity,
  entityKey,
  type EvtLog,
  hasCode,
  type Head,
  jsonBinarizer,
  MemoryEvtLog,
  MemorySnapshotStore,
  type PersistedEvt,
  snapshotEvery,
} from 'eventsourced'
import { counter } from 'eventsourced-counter'
import { NatsEvtLog } from 'eventsourced-nats'
import { PostgresEvtLog } from 'eventsourced-postgres'
import { startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testNats, testPostgres } from 'eventsourced-tools/vitest'
import { afterEach, expect, test } from 'vitest'

const OPTIONS = { typeName: 'account' }

const opened: EvtLog[] = []
const proxies: TcpProxy[] = []

afterEach(async () => {
  for (const proxy of proxies) proxy.rule()
  await Promise.all(opened.splice(0).map((log) => log.close()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
})

/** A log, and a way to have its connections cut twice: in the place of the 6th and the 24th answer of its server. */
interface Opened {
  readonly log: EvtLog
  readonly breakOff: () => void
}

function breaking(proxy: TcpProxy): () => void {
  return () => {
    let answers = 0
    proxy.rule((_, direction) => (direction === 'answer' && [6, 24].includes(++answers) ? 'cut' : 'pass'))
  }
}

const BACKENDS: Readonly<Record<string, () => Promise<Opened>>> = {
  memory: async () => ({ log: new MemoryEvtLog(), breakOff: () => undefined }),

  PostgreSQL: async () => {
    const connection = await testPostgres()
    const proxy = await startTcpProxy(connection)
    proxies.push(proxy)
    const log = await PostgresEvtLog.create({ connection: { ...connection, port: proxy.port }, setup: true })
    opened.push(log)
    return { log, breakOff: breaking(proxy) }
  },

  JetStream: async () => {
    const { hostname, port } = new URL(testNats())
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    proxies.push(proxy)
    const servers = `127.0.0.1:${proxy.port}`
    const log = await NatsEvtLog.create({ servers, stream: `copy-${randomUUID()}`, setup: true, maxBytes: 100_000_000 })
    opened.push(log)
    return { log, breakOff: breaking(proxy) }
  },
}

async function open(backend: string): Promise<Opened> {
  const opening = BACKENDS[backend]
  if (opening === undefined) throw new Error(`no such backend: ${backend}`)
  return opening()
}

/** Has entities write in turn, one of them with its first events deleted in the end. */
async function write(log: EvtLog, entities: number, rounds: number): Promise<void> {
  const nextAppendId = appendIds()
  const keys = Array.from({ length: entities }, () => entityKey('account', randomUUID()))
  const heads = new Map<string, Head>()
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      keys.map(async (key, index) => {
        const groups = Array.from({ length: 1 + (index % 3) }, (_, nth) => [
          {
            type: 'Happened',
            version: 1 + nth,
            bytes: Buffer.from(randomUUID()),
            metadata: { 'Correlation Ü': randomUUID() },
          },
        ])
        const expected = heads.get(key.id) ?? { seqNo: 0, position: 0 }
        for (let next = 0; next < groups.length; ) {
          const append = { key, expected: heads.get(key.id) ?? expected, appendId: nextAppendId() }
          const persisted = await log.persist({ ...append, groups: groups.slice(next) })
          heads.set(key.id, persisted.head)
          next += persisted.groups
        }
      }),
    )
  }
  if (keys[0] !== undefined) await log.deleteEvts(keys[0], rounds - 1)
}

async function evtsOf(log: EvtLog): Promise<unknown[]> {
  const evts: unknown[] = []
  for await (const evt of log.evtsByType('account')) evts.push(copied(evt))
  return evts
}

function copied({ key, seqNo, appendId, type, version, bytes, metadata }: PersistedEvt): unknown {
  return { ...key, seqNo, appendId, type, version, bytes: Buffer.from(bytes).toString(), metadata }
}

const WAYS = Object.keys(BACKENDS).flatMap((from) => Object.keys(BACKENDS).map((to) => [from, to] as const))

test.each(WAYS)(
  'from %s to %s events are copied in their order, and one more call finds them all there',
  async (fromBackend, toBackend) => {
    const [from, to] = [await open(fromBackend), await open(toBackend)]
    await write(from.log, 30, 4)
    const { copied } = await copyEvts(from.log, to.log, { ...OPTIONS, concurrency: 1 })
    expect(await evtsOf(to.log)).toEqual(await evtsOf(from.log))
    expect(await copyEvts(from.log, to.log, OPTIONS)).toMatchObject({ copied: 0, present: copied })
  },
)

test.each(WAYS.filter(([from, to]) => from !== 'memory' && to !== 'memory' && from !== to))(
  'a copy from %s to %s comes through lost connections, at most by being called again',
  async (fromBackend, toBackend) => {
    const [from, to] = [await open(fromBackend), await open(toBackend)]
    await write(from.log, 60, 5)
    for (const { breakOff } of [from, to]) breakOff()
    let isDone = false
    for (let calls = 1; !isDone; calls++) {
      expect(calls).toBeLessThan(20)
      try {
        await copyEvts(from.log, to.log, OPTIONS)
        isDone = true
      } catch (error) {
        if (!hasCode(error, 'UNAVAILABLE')) throw error
      }
    }
    expect(await copyEvts(from.log, to.log, OPTIONS)).toMatchObject({ copied: 0 })
    expect((await evtsOf(to.log)).length).toBe((await evtsOf(from.log)).length)
  },
)

test('an entity goes on on another backend, with its snapshots and what it remembers of command ids', async () => {
  const [{ log: from }, { log: to }] = [await open('PostgreSQL'), await open('JetStream')]
  const snapshotStore = new MemorySnapshotStore()
  const type: typeof counter = { ...counter, snapshot: snapshotEvery(2) }
  const id = randomUUID()
  const before = await Entity.spawn(id, type, { evtLog: from, snapshotStore, binarizer: jsonBinarizer() })
  for (let nth = 0; nth < 5; nth++) await before.handleCmd({ type: 'Inc', inc: 2n }, { cmdId: `cmd-${nth}` })
  await before.stop()
  await copyEvts(from, to, { typeName: counter.typeName })
  const after = await Entity.spawn(id, type, { evtLog: to, snapshotStore, binarizer: jsonBinarizer() })
  expect(await after.handleCmd({ type: 'Inc', inc: 2n }, { cmdId: 'cmd-4' })).toMatchObject({ ok: true, reply: 10n })
  expect(await after.handleCmd({ type: 'Inc', inc: 1n })).toMatchObject({ ok: true, seqNo: 6, reply: 11n })
  await after.stop()
})
