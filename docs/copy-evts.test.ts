import { randomUUID } from 'node:crypto'
import {
  appendIds,
  copyEvts,
  Entity,
  entityKey,
  type EvtLog,
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

/** A log, and what is between it and its server. */
interface Opened {
  readonly log: EvtLog
  readonly proxy?: TcpProxy
}

/** Soon tired of asking a server that does not answer. */
const TIMEOUT_MS = 300

const BACKENDS: Readonly<Record<string, () => Promise<Opened>>> = {
  memory: async () => ({ log: new MemoryEvtLog() }),

  PostgreSQL: async () => {
    const connection = await testPostgres()
    const proxy = await startTcpProxy(connection)
    proxies.push(proxy)
    const bounds = { appendTimeoutMs: TIMEOUT_MS, readTimeoutMs: TIMEOUT_MS }
    const log = await PostgresEvtLog.create({ connection: { ...connection, port: proxy.port }, setup: true, ...bounds })
    opened.push(log)
    return { log, proxy }
  },

  JetStream: async () => {
    const { hostname, port } = new URL(testNats())
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    proxies.push(proxy)
    const servers = `127.0.0.1:${proxy.port}`
    const stream = { stream: `copy-${randomUUID()}`, setup: true, maxBytes: 100_000_000 }
    const log = await NatsEvtLog.create({ servers, ...stream, timeout: TIMEOUT_MS, replyTimeout: TIMEOUT_MS })
    opened.push(log)
    return { log, proxy }
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

/** Told of what a log answers, and of what it fails with. */
interface Watcher {
  readonly onAnswer: () => void
  readonly onFailure: () => void
}

function watched(log: EvtLog, { onAnswer, onFailure }: Watcher): EvtLog {
  async function call<Result>(result: Promise<Result>): Promise<Result> {
    try {
      const answer = await result
      onAnswer()
      return answer
    } catch (error) {
      onFailure()
      throw error
    }
  }
  async function* read<Item>(items: AsyncIterable<Item>): AsyncIterable<Item> {
    const next = items[Symbol.asyncIterator]()
    try {
      for (let item = await call(next.next()); item.done !== true; item = await call(next.next())) yield item.value
    } finally {
      await next.return?.()
    }
  }
  return {
    persist: (append) => call(log.persist(append)),
    head: (key) => call(log.head(key)),
    headPosition: () => call(log.headPosition()),
    evtsById: (...args) => read(log.evtsById(...args)),
    evtsByType: (...args) => read(log.evtsByType(...args)),
    ids: (...args) => read(log.ids(...args)),
    deleteEvts: (...args) => call(log.deleteEvts(...args)),
    close: () => log.close(),
  }
}

/** Cuts all that comes through a proxy once a log has given so many answers, and until it fails for that. */
function outage(proxy: TcpProxy | undefined, after: number): Watcher & { readonly isOver: boolean } {
  let answers = 0
  let isOver = false
  const begin = () => {
    proxy?.rule(() => 'cut')
    proxy?.cut()
  }
  if (after === 0) begin()
  return {
    get isOver() {
      return isOver
    },
    onAnswer: () => {
      if (++answers === after) begin()
    },
    onFailure: () => {
      proxy?.rule()
      isOver = true
    },
  }
}

const OUTAGES = WAYS.filter(([from, to]) => from !== 'memory' && to !== 'memory' && from !== to).flatMap(([from, to]) =>
  (['from', 'to'] as const).map((broken) => [from, to, broken] as const),
)

test.each(OUTAGES)(
  'a copy from %s to %s waits for the log copied %s to come back, whether it stores or compares',
  async (from, to, broken) => {
    const opened = { from: await open(from), to: await open(to) }
    const [source, target] = [opened.from.log, opened.to.log]
    await write(source, 60, 5)
    // The first call stores, the second one compares. A page of events holds all of them: nothing is read after it.
    for (const after of [broken === 'from' ? 0 : 100, 100]) {
      const { proxy, log } = opened[broken]
      const fault = outage(proxy, after)
      const logs = { from: source, to: target, [broken]: watched(log, fault) }
      await copyEvts(logs.from, logs.to, OPTIONS)
      expect(fault.isOver).toBe(true)
    }
    expect(await copyEvts(source, target, OPTIONS)).toMatchObject({ copied: 0 })
    expect((await evtsOf(target)).length).toBe((await evtsOf(source)).length)
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
