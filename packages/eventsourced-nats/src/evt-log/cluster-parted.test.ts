import { atLeastOnce, Entity, jsonBinarizer, MemoryOffsetStore, Projection } from 'eventsourced'
import { startNatsCluster } from 'eventsourced-tools'
import { connect, type NatsConnection } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import {
  closing,
  collect,
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  textOf,
  texts,
} from '../evt-log.test.fixture.js'
import type { NatsEvtLog } from '../index.js'
import {
  type Increased,
  isCurrent,
  leaderOf,
  openClusterLog,
  reached,
  startWriters,
  tally,
} from './cluster.test.fixture.js'

test('a leader cut off from the majority: the majority goes on, what its own clients sent meanwhile is stored once or conflicts, entities and projections there wait', async () => {
  const cluster = await startNatsCluster({ proxied: true })
  onTestFinished(() => cluster.stop())
  const connectTo = (name: string) =>
    closing(connect({ servers: cluster.server(name).url, ignoreClusterUpdates: true, maxReconnectAttempts: -1 }))
  const stream = newStream()
  await openClusterLog({ servers: [...cluster.urls] }, stream)
  const minority = await leaderOf(await connectTo('n1'), stream)
  const majority = minority === 'n2' ? 'n3' : 'n2'
  const connections = { minority: await connectTo(minority), majority: await connectTo(majority) }
  const logs = {
    minority: await openClusterLog({ connection: connections.minority }, stream),
    majority: await openClusterLog({ connection: connections.majority }, stream),
  }
  const keys = {
    minority: Array.from({ length: 5 }, () => newKey()),
    majority: Array.from({ length: 5 }, () => newKey()),
  }
  const writers = {
    minority: startWriters(logs.minority, keys.minority),
    majority: startWriters(logs.majority, keys.majority),
  }
  const impatient = await openLog({ connection: connections.minority, stream, timeout: 100 })
  const claimed = newKey()
  const first = newAppend(claimed)
  const { head } = await logs.majority.persist(first)
  const entities = { minority: await spawn(logs.minority), majority: await spawn(logs.majority) }
  expect(await entities.minority.inc()).toMatchObject({ reply: 1 })
  await writers.minority.goOn()
  await writers.majority.goOn()
  await isCurrent(connections.majority, stream)

  await cluster.cutOff(minority)
  const waiting = entities.minority.inc()
  const lost = newAppend(claimed, head)
  const losing = failureOf(logs.minority.persist(lost))
  await leaderOf(connections.majority, stream, minority)
  const won = newAppend(claimed, head, [[newEvt(), newEvt()]])
  await logs.majority.persist(won)
  await writers.majority.goOn()
  // Where nothing tells it that there is more, the other server answers with less, and is not believed.
  expect(await failureOf(impatient.headPosition())).toMatchObject({ code: 'UNAVAILABLE' })
  expect(await failureOf(collect(impatient.ids('counter')))).toMatchObject({ code: 'UNAVAILABLE' })
  // What the projection has handled there the other server has never heard of, and that is no loss.
  const start = projections()
  const projection = await start(logs.majority)
  await projection.reached(await entities.majority.inc())
  await projection.stop()
  const asked = await countAsked(connections.minority, stream)
  const starting = start(logs.minority)
  await reached(asked, 5, starting)

  await cluster.heal(minority)
  const started = await starting
  expect(await waiting).toMatchObject({ reply: 2 })
  expect(await entities.minority.inc()).toMatchObject({ reply: 3 })
  await started.reached(await entities.majority.inc())
  await started.stop()
  expect(await losing).toMatchObject({ code: 'CONFLICT' })
  await writers.minority.goOn()
  await writers.majority.goOn()
  await isCurrent(connections.majority, stream)
  await writers.minority.stop()
  await writers.majority.stop()
  for (const log of Object.values(logs)) {
    expect(await texts(log, claimed)).toEqual([first, won].flatMap(({ groups }) => groups.flat().map(textOf)))
  }
  for (const key of keys.minority) expect(await texts(logs.majority, key)).toEqual(writers.minority.sent.get(key.id))
  for (const key of keys.majority) expect(await texts(logs.minority, key)).toEqual(writers.majority.sent.get(key.id))
}, 120_000)

async function spawn(evtLog: NatsEvtLog) {
  const ref = await Entity.spawn(newKey().id, tally, { evtLog, binarizer: jsonBinarizer() })
  onTestFinished(() => ref.stop())
  return { inc: () => ref.handleCmd({ type: 'Inc' }) }
}

/** Starts a projection that handles tallies, on one log or another, with one store. */
function projections() {
  const store = new MemoryOffsetStore()
  const binarizer = jsonBinarizer<Increased, unknown>()
  return (evtLog: NatsEvtLog) => {
    const handler = atLeastOnce<Increased>(store, () => undefined)
    return Projection.start({ name: 'tallies', version: 1, typeName: 'tally', evtLog, binarizer, handler })
  }
}

/** How often somebody asks for a stream's head from now on, by way of one server. */
async function countAsked(connection: NatsConnection, stream: string) {
  let asked = 0
  connection.subscribe(`$JS.API.STREAM.INFO.${stream}`, { callback: () => void asked++ })
  await connection.flush()
  return () => asked
}
