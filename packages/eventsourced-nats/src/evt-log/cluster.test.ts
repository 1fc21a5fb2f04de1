import { Entity, type Head, jsonBinarizer, type PersistedEvt } from 'eventsourced'
import { type NatsCluster, startNatsCluster } from 'eventsourced-tools'
import { connect, type NatsConnection } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAppend, newEvt, newKey, newStream, textOf, texts, ZERO } from '../evt-log.test.fixture.js'
import { isCurrent, leaderOf, openClusterLog, PATIENCE, reached, startWriters, tally } from './cluster.test.fixture.js'

const TIMEOUT_MS = 120_000

let cluster: NatsCluster
let connection: NatsConnection

beforeAll(async () => {
  cluster = await startNatsCluster()
  connection = await connect({ servers: [...cluster.urls], maxReconnectAttempts: -1, reconnectTimeWait: 100 })
}, 60_000)

afterAll(async () => {
  await connection.close()
  await cluster.stop()
}, 60_000)

test(
  'a leader killed, a server paused, a rolling restart: what was acknowledged is there, once, in order, and all goes on',
  async () => {
    const stream = newStream()
    const log = await openClusterLog({ servers: [...cluster.urls] }, stream)
    const keys = Array.from({ length: 20 }, () => newKey())
    const writers = startWriters(log, keys)
    const seen: PersistedEvt[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const evt of log.evtsByType('counter', { live: true, signal: stop.signal })) seen.push(evt)
    })()
    const ref = await Entity.spawn(newKey().id, tally, { evtLog: log, binarizer: jsonBinarizer() })
    const commands: Promise<number>[] = []
    const command = () => commands.push(ref.handleCmd({ type: 'Inc' }).then(({ reply }) => reply))
    await writers.goOn()

    const killed = cluster.server(await leaderOf(connection, stream))
    command()
    await killed.kill()
    command()
    await writers.goOn()
    await killed.start()

    await isCurrent(connection, stream)
    const paused = cluster.server(await leaderOf(connection, stream))
    command()
    process.kill(paused.pid, 'SIGSTOP')
    try {
      command()
      await writers.goOn()
    } finally {
      process.kill(paused.pid, 'SIGCONT')
    }
    await writers.goOn()

    for (const server of cluster.servers) {
      await isCurrent(connection, stream)
      command()
      await server.kill('SIGTERM')
      await server.start()
      await writers.goOn()
    }
    await writers.stop()

    // The entity that was there from the beginning has carried out each command once.
    expect(await Promise.all(commands)).toEqual(commands.map((_, index) => index + 1))
    await ref.stop()
    for (const key of keys) expect(await texts(log, key)).toEqual(writers.sent.get(key.id))
    const all = [...writers.sent.values()].flat().length
    await expect.poll(() => seen.length, PATIENCE).toBe(all)
    for (const { id } of keys) expect(seen.filter(({ key }) => key.id === id).map(textOf)).toEqual(writers.sent.get(id))
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toBe(stop.signal.reason)
  },
  TIMEOUT_MS,
)

test(
  'of two that claim an entity across changes of the leader never both win',
  async () => {
    const stream = newStream()
    const logs = [
      await openClusterLog({ servers: [...cluster.urls] }, stream),
      await openClusterLog({ servers: [...cluster.urls] }, stream),
    ]
    const key = newKey()
    const won: string[] = []
    let head: Head = ZERO
    let rounds = 0
    const claim = async () => {
      // Batches and single events alike.
      const group = rounds % 2 === 0 ? [newEvt()] : [newEvt(), newEvt()]
      const groups = logs.map((_, index) => (index === 0 ? group : group.map(() => newEvt())))
      const settled = await Promise.allSettled(
        logs.map((log, index) => log.persist(newAppend(key, head, [groups[index] ?? []]))),
      )
      const winners = settled.flatMap((one, index) => (one.status === 'fulfilled' ? [index] : []))
      expect(winners).toHaveLength(1)
      const [winner = 0] = winners
      expect(settled[1 - winner]).toMatchObject({ reason: { code: 'CONFLICT' } })
      won.push(...(groups[winner] ?? []).map(textOf))
      const [one] = logs
      head = (await one?.head(key)) ?? head
      rounds++
    }
    const stopAt = { rounds: 0 }
    const claiming = (async () => {
      while (stopAt.rounds === 0 || rounds < stopAt.rounds) await claim()
    })()
    const goOn = async () => {
      const enough = rounds + 20
      await reached(() => rounds, enough, claiming)
    }
    await goOn()
    for (let change = 0; change < 3; change++) {
      await leaderOf(connection, stream)
      await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, undefined, { timeout: 5_000 })
      await goOn()
    }
    const killed = cluster.server(await leaderOf(connection, stream))
    await killed.kill()
    await goOn()
    await killed.start()
    await goOn()
    stopAt.rounds = rounds
    await claiming
    for (const log of logs) expect(await texts(log, key)).toEqual(won)
  },
  TIMEOUT_MS,
)
